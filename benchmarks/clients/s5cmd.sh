export S3_ENDPOINT_URL="$AWS_ENDPOINT_URL"
fetch() { s5cmd --log error cp "s3://$BUCKET/$1/*" "$2/"; }
fetch_one() { s5cmd --log error cp "s3://$BUCKET/$1" "$2"; }
send() { s5cmd --log error cp "$1/" "s3://$BUCKET/$2/"; }
send_one() { s5cmd --log error cp "$1" "s3://$BUCKET/$2"; }
stream_out() { s5cmd --log error cat "s3://$BUCKET/$1"; }
stream_in() { s5cmd --log error pipe "s3://$BUCKET/$1"; }
