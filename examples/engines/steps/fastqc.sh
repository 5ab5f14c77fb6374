# Makes the quality report of one file of reads. READS: its name.
fastqc --quiet "$READS"
