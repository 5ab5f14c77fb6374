# The entrypoint of Biobatch's images.
fetch() { JOB_INPUTS="s3://$BUCKET/$1/*" job true; }
fetch_one() { JOB_INPUTS="s3://$BUCKET/$1" job "cp * '$PWD/$2'"; }
send() { JOB_OUTPUTS='*' JOB_OUTPUT_PREFIX="s3://$BUCKET/$2" job "ln /scratch/$1/* ."; }
send_one() { JOB_OUTPUTS="${2##*/}" JOB_OUTPUT_PREFIX="s3://$BUCKET/${2%/*}" job "ln '$PWD/$1' '${2##*/}'"; }
