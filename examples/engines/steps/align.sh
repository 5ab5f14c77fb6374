# Aligns the pairs of a sample, marks duplicates and sorts. SAMPLE: its name. R1, R2: names of its reads. THREADS: threads of bwa.
# -K makes the result independent of the number of threads.
bwa mem -v 2 -K 100000000 -Y -t "$THREADS" -R "@RG\tID:$SAMPLE\tSM:$SAMPLE\tLB:$SAMPLE\tPU:$SAMPLE\tPL:ILLUMINA" reference.fa "$R1" "$R2" \
  | samtools fixmate -u -p -m - - \
  | samtools sort -u -@ "$THREADS" -m 256M -T "$TMPDIR/sort" - \
  | samtools markdup -@ "$THREADS" -T "$TMPDIR/markdup" --write-index - "$SAMPLE.bam##idx##$SAMPLE.bam.bai"
