s3() {
  local host="${AWS_ENDPOINT_URL#*://}" transport=--ssl
  [[ $AWS_ENDPOINT_URL == https:* ]] || transport=--no-ssl
  s3cmd --quiet "$transport" ${SSL_CERT_FILE:+"--ca-certs=$SSL_CERT_FILE"} --host="$host" --host-bucket="$host" --region="$AWS_REGION" \
    ${AWS_ACCESS_KEY_ID:+"--access_key=$AWS_ACCESS_KEY_ID" "--secret_key=$AWS_SECRET_ACCESS_KEY"} "$@"
}
fetch() { mkdir -p "$2" && s3 get --recursive "s3://$BUCKET/$1/" "$2/"; }
fetch_one() { s3 get "s3://$BUCKET/$1" "$2"; }
send() { s3 put --recursive "$1/" "s3://$BUCKET/$2/"; }
send_one() { s3 put "$1" "s3://$BUCKET/$2"; }
stream_out() { s3 get "s3://$BUCKET/$1" -; }
stream_in() { s3 put - "s3://$BUCKET/$1"; }
