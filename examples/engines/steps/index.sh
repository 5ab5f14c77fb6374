# Indexes a gzipped reference. REFERENCE: its name.
gzip -dc "$REFERENCE" > reference.fa
bwa index reference.fa
samtools faidx reference.fa
