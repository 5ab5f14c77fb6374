[ -z "${SSL_CERT_FILE:-}" ] || export AWS_CA_BUNDLE="$SSL_CERT_FILE"
fetch() { aws s3 cp --only-show-errors --recursive "s3://$BUCKET/$1/" "$2"; }
fetch_one() { aws s3 cp --only-show-errors "s3://$BUCKET/$1" "$2"; }
send() { aws s3 cp --only-show-errors --recursive "$1" "s3://$BUCKET/$2/"; }
send_one() { aws s3 cp --only-show-errors "$1" "s3://$BUCKET/$2"; }
stream_out() { aws s3 cp --only-show-errors "s3://$BUCKET/$1" -; }
stream_in() { aws s3 cp --only-show-errors - "s3://$BUCKET/$1"; }
