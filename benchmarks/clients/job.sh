# Our entrypoint.
fetch() { JOB_INPUTS="s3://$BUCKET/$1/*" job true; }
fetch_one() { JOB_INPUTS="s3://$BUCKET/$1" job true; }
send() { JOB_OUTPUTS='*' JOB_OUTPUT_PREFIX="s3://$BUCKET/$2" job "ln /scratch/$1/* ."; }
