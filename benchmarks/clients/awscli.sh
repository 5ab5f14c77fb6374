fetch() { aws s3 cp --only-show-errors --recursive "s3://$BUCKET/$1/" "$2"; }
fetch_one() { aws s3 cp --only-show-errors "s3://$BUCKET/$1" absent; }
send() { aws s3 cp --only-show-errors --recursive "$1" "s3://$BUCKET/$2/"; }
