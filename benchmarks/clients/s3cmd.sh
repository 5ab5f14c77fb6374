s3() { s3cmd --quiet --no-ssl --host="${AWS_ENDPOINT_URL#http://}" --host-bucket="${AWS_ENDPOINT_URL#http://}" \
  --region="$AWS_REGION" --access_key="$AWS_ACCESS_KEY_ID" --secret_key="$AWS_SECRET_ACCESS_KEY" "$@"; }
fetch() { mkdir -p "$2" && s3 get --recursive "s3://$BUCKET/$1/" "$2/"; }
fetch_one() { s3 get "s3://$BUCKET/$1" absent; }
send() { s3 put --recursive "$1/" "s3://$BUCKET/$2/"; }
