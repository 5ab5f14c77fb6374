export S3_ENDPOINT_URL="$AWS_ENDPOINT_URL"
fetch() { s5cmd --log error cp "s3://$BUCKET/$1/*" "$2/"; }
fetch_one() { s5cmd --log error cp "s3://$BUCKET/$1" absent; }
send() { s5cmd --log error cp "$1/" "s3://$BUCKET/$2/"; }
