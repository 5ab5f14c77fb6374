# Calls the variants of a haploid sample and marks those of low quality or depth. SAMPLE: its name.
bcftools mpileup -Ou -f reference.fa -d 1000 -L 4000 -q 20 -a FORMAT/AD,FORMAT/ADF,FORMAT/ADR,FORMAT/DP,FORMAT/SP "$SAMPLE.bam" \
  | bcftools call -Ou -m -A -v -a GQ --ploidy 1 \
  | bcftools +fill-tags -Ou -- -t FORMAT/VAF \
  | bcftools norm -Ou -f reference.fa -m -any --multi-overlaps . \
  | bcftools view -Ou -i 'AC>0' \
  | bcftools filter -Ou -s LowQual -m + -e 'QUAL<20' \
  | bcftools filter -Oz -s LowDepth -m + -e 'FORMAT/DP<3' -W=tbi -o "$SAMPLE.vcf.gz"
