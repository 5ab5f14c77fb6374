export RCLONE_CONFIG_S3_TYPE=s3 RCLONE_CONFIG_S3_PROVIDER=Other RCLONE_CONFIG_S3_ENV_AUTH=true \
  RCLONE_CONFIG_S3_ENDPOINT="$AWS_ENDPOINT_URL" RCLONE_CONFIG_S3_REGION="$AWS_REGION" RCLONE_CONFIG_S3_NO_CHECK_BUCKET=true
fetch() { rclone copy "s3:$BUCKET/$1" "$2"; }
fetch_one() { rclone copyto "s3:$BUCKET/$1" "$2"; }
send() { rclone copy "$1" "s3:$BUCKET/$2"; }
send_one() { rclone copyto "$1" "s3:$BUCKET/$2"; }
stream_out() { rclone cat "s3:$BUCKET/$1"; }
stream_in() { rclone rcat "s3:$BUCKET/$1"; }
