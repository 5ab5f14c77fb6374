# minio-client takes its credentials in the URL only.
export MC_HOST_s3="${AWS_ENDPOINT_URL/:\/\//://${AWS_ACCESS_KEY_ID:+$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY@}}"
fetch() { minio-client --quiet cp --recursive "s3/$BUCKET/$1/" "$2/"; }
fetch_one() { minio-client --quiet cp "s3/$BUCKET/$1" "$2"; }
send() { minio-client --quiet cp --recursive "$1/" "s3/$BUCKET/$2/"; }
send_one() { minio-client --quiet cp "$1" "s3/$BUCKET/$2"; }
stream_out() { minio-client --quiet cat "s3/$BUCKET/$1"; }
stream_in() { minio-client --quiet pipe "s3/$BUCKET/$1"; }
