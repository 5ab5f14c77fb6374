export MC_HOST_s3="${AWS_ENDPOINT_URL/:\/\//://$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY@}"
fetch() { minio-client --quiet cp --recursive "s3/$BUCKET/$1/" "$2/"; }
fetch_one() { minio-client --quiet cp "s3/$BUCKET/$1" absent; }
send() { minio-client --quiet cp --recursive "$1/" "s3/$BUCKET/$2/"; }
