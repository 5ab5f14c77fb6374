#!/bin/bash
# Calls the variants of one sample, region by region, and filters them.
#
# SAMPLE           name of the sample
# PLOIDY           1 or 2
# THREADS          number of regions that are called in parallel
# REGION_BASES     largest size of a region, in bases; a contig longer than 64 of these has 64 larger regions
# PLATFORM         illumina, ont or hifi
# ALIGNMENT        bam or cram
# REFERENCE_URI    the user's reference, for the VCF's header
# MIN_DEPTH        reads below which a call gets the filter LowDepth
# MIN_QUAL         QUAL below which a call gets the filter LowQual
# MIN_MAPQ         mapping quality below which a read is ignored
# KEEP_DUPLICATES  set if reads that are marked as duplicates count
# TARGETS          name of the staged BED to which the calls are limited; unset for none
# REGIONS          or the same in words, each CONTIG or CONTIG:FROM-TO; unset for none
# PLOIDY_FILE      name of the staged file with lines CONTIG PLOIDY or CONTIG FROM TO PLOIDY; other contigs have PLOIDY
# CONSENSUS        set to write the depth, the callable regions and the consensus too
set -euo pipefail

inputs=$TMPDIR/inputs
regions=$TMPDIR/regions
mkdir "$inputs" "$regions"
[ -z "${TARGETS:-}" ] || mv -- "./$TARGETS" "$inputs/places"
[ -z "${PLOIDY_FILE:-}" ] || mv -- "./$PLOIDY_FILE" "$inputs/ploidies"
aligned=$inputs/reads.$ALIGNMENT
mv -- "./$SAMPLE.$ALIGNMENT" "$aligned"
mv reference.fa reference.fa.fai "$inputs"
reference=$inputs/reference.fa
mkdir "$SAMPLE" qc
vcf=$SAMPLE/$SAMPLE.vcf.gz

index=tbi
bam_index=bai
awk '$2 > 2^29 { long = 1 } END { exit !long }' "$reference.fai" && index=csi bam_index=csi
[ "$ALIGNMENT" = bam ] || bam_index=crai
# Use this index only. One of the other kind belongs to an earlier reference, and htslib would prefer it.
mv -- "./$SAMPLE.$ALIGNMENT.$bam_index" "$aligned.$bam_index"
# Keep htslib from looking for the reference of a CRAM on the internet.
export REF_PATH=$inputs

# shellcheck source=shared/regions.sh
source shared/regions.sh

# A sample with one genome has one allele at each site. Its reads disagree if a pair of two alleles explains them 100 times better than any
# single allele (PL), or by counts, since at a high depth PL takes the reads of the lesser allele for errors. Counts of indels do not tell:
# reads that end in a repeat support both alleles. Of a nanopore's bases, too many are wrong to tell a tenth of the reads.
lesser=.1
[ "$PLATFORM" != ont ] || lesser=.25
disagree='AD[0:0]>=3 && AD[0:1]>=3 || AD[0:2]>=3'
disagree="($disagree) && PL[0:0]>20 && PL[0:2]>20 && (N_ALT<2 || PL[0:5]>20) && (N_ALT<3 || PL[0:9]>20) && (N_ALT<4 || PL[0:14]>20)"
for share in '6 .25' "10 $lesser"; do
  read -r reads part <<< "$share"
  two="AD[0:0]>=$reads && AD[0:0]>=$part*DP && AD[0:1]>=$reads && AD[0:1]>=$part*DP || AD[0:2]>=$reads && AD[0:2]>=$part*DP"
  disagree="$disagree || INDEL=0 && ($two)"
done
disagree="$disagree || INDEL=0 && AD[0:1]>AD[0:0] && DP-AD[0:1]>=5 && DP-AD[0:1]>$lesser*DP"
disagree=$(sed -E 's/\b(AD|DP)\b/FORMAT\/\1/g' <<< "$disagree")

# Measure the depth in what mpileup hands to the caller. So it counts the reads that the caller sees, and the alignment is read once.
measure() {
  bcftools query -e INDEL=1 -f '%CHROM\t%POS\t%REF[\t%DP]\n' \
    | awk -v least="$MIN_DEPTH" -v window="$window" -v file="$1" -f "$tools/depth.awk" "$wanted" "$1.bed" -
}
call() {
  if [ -n "${CONSENSUS:-}" ]; then
    mkfifo "$1.sites"
    measure "$1" < "$1.sites" &
  fi
  # shellcheck disable=SC2086  # lists of options
  bcftools mpileup --no-version -Ou -f "$reference" -R "$1.wide.bed" $pileup "$aligned" \
    | tee ${CONSENSUS:+"$1.sites"} \
    | bcftools view --no-version -Ou -i 'N_ALT>1 || INDEL=1' \
    | bcftools filter --no-version -Ou -s Mixed -e "$disagree" \
    | bcftools call --no-version -Ou $calling \
    | bcftools view --no-version -Ob -T "$1.bed" -i 'AC>0 || FILTER="Mixed"' -o "$1.bcf" || return
  [ -z "${CONSENSUS:-}" ] || wait $!
}
tools=/usr/share/biobatch
if [ -n "${CONSENSUS:-}" ] && ! [ -e "$tools/depth.awk" ]; then
  echo "the images are older than this client. Update the stack: pulumi up" >&2
  exit 1
fi
# A window has 50 bases, or a millionth of the genome, so that a genome browser can hold the whole track.
window=$(awk '{ bases += $2 } END { printf "%d", (bases > 5e7 ? bases / 1e6 : 50) }' "$reference.fai")
export -f call measure
export aligned disagree tools window
call_regions

{
  described "$SAMPLE.$ALIGNMENT"
  echo 'FILTER=<ID=InDeletion,Description="The same sample has a deletion of this base, and less than half as many reads have this base as the deletion">'
  echo 'FILTER=<ID=Overlap,Description="The same sample has a call of higher QUAL that changes the same base">'
  echo 'FILTER=<ID=Mixed,Description="Reads of a haploid sample disagree: two alleles explain them better than one">'
} | sed 's/^/##/' > "$regions/header"

# A site with one genome holds one allele, so only these keep the mark. A SNP inside a deletion comes from the few reads that end there and
# are aligned across it. A SNP of as many reads as the deletion is real: norm may move a deletion to the left, across the SNP.
find "$regions" -name '*.bcf' | sort > "$regions/called"
bcftools concat --naive -v 0 -f "$regions/called" \
  | bcftools +fill-tags --no-version -Ou -- -t FORMAT/VAF \
  | bcftools filter --no-version -Ou -s Mixed -m x -e 'FILTER="Mixed" && GT="hap"' \
  | bcftools norm --no-version -Ou -f "$reference" -m -any --multi-overlaps . \
  | bcftools view --no-version -Ou -i 'AC>0 || FILTER="Mixed" && FORMAT/AD[0:1]>=3 && VAF>=.1' \
  | bcftools filter --no-version -Ou -s LowQual -m + -e "QUAL<$MIN_QUAL" \
  | bcftools filter --no-version -Ov -s LowDepth -m + -e "FORMAT/DP<$MIN_DEPTH" \
  | awk -F '\t' -v OFS='\t' -v header="$regions/header" '
    function depth() { return match($8, /DP=[0-9]+/) ? substr($8, RSTART + 3, RLENGTH - 3) + 0 : 0 }
    /^##(reference=|FILTER=<ID=Mixed)/ { next }
    /^##FORMAT=<ID=DP,/ || /^##INFO=<ID=DP,/ { sub(/">$/, ", at most 1,000\">") }
    /^#CHROM/ { while ((getline line < header) > 0) print line }
    /^#/ { print; next }
    { gt = substr($10, 1, index($10, ":") - 1) }
    $1 == contig && $2 <= end && length($4) == length($5) && 2 * depth() < reads {
      if (gt !~ /1/) next
      $7 = "InDeletion"
    }
    { print }
    length($4) > length($5) && gt ~ /^1([\/|]1)?$/ {
      last = $2 + length($4) - length($5)
      if ($1 != contig || last > end) { contig = $1; end = last; reads = depth() }
    }' \
  | awk -F '\t' -v OFS='\t' '
    # Of two calls that change the same base of both copies, at most one is right. mpileup finds one deletion twice if reads that end in a
    # repeat place it differently.
    function release(   i, j, weaker) {
      for (i = 2; i <= held; i++) for (j = 1; j < i; j++)
        if (from[i] <= to[j] && from[j] <= to[i]) weaker[quality[i] < quality[j] ? i : j]
      for (i = 1; i <= held; i++) {
        if (i in weaker) sub(/\tPASS\t/, "\tOverlap\t", record[i])
        print record[i]
      }
      held = 0
    }
    /^#/ { print; next }
    $1 != contig || $2 > last { release(); contig = $1; last = 0 }
    {
      record[++held] = $0
      quality[held] = $6
      from[held] = to[held] = -1 / held
      if ($7 == "PASS" && length($4) != length($5) && $10 ~ /^1([\/|]1)?:/) {
        from[held] = $2 + (length($4) > 1 ? 1 : .5)
        to[held] = $2 + (length($4) > 1 ? length($4) - 1 : .5)
      }
      if ($2 + length($4) - 1 > last) last = $2 + length($4) - 1
    }
    END { release() }' \
  | bcftools view --no-version -Oz -T "$wanted" "-W=$index" -o "$vcf"
bcftools stats -f PASS -F "$reference" "$vcf" > "qc/$SAMPLE.bcftools_stats.txt"

# Count what a reader needs: the calls that passed, those that did not by reason, and the signs of a mixture or of a capped depth. Indels do
# not count as a sign of a mixture, since reads that end in a repeat support both alleles.
bcftools query -f '%FILTER\t%REF\t%ALT\t%INFO/DP[\t%GT\t%DP\t%AD]\n' "$vcf" | awk -F '\t' -v sample="$SAMPLE" -v ploidy="$PLOIDY" -v lesser="$lesser" \
  -v json="qc/$SAMPLE.variants.json" -v warnings="qc/$SAMPLE.call_warnings.txt" '
  function warn(text) {
    print "warning: " text
    print text > warnings
  }
  BEGIN { printf "" > warnings; count = split("InDeletion LowDepth LowQual Mixed Overlap", names, " ") }
  {
    kind = length($2) != length($3) ? "indels" : length($2) == 1 ? "snps" : "other"
    for (i = split($1, reasons, ";"); i; i--) filtered[reasons[i]]++
    if ($1 == "PASS") passed[kind]++
    if ($4 >= 990) capped++
    split($7, reads, ",")
    # Of two alleles with many reads each, the caller may take the one with fewer.
    if ($5 == "1" || $1 ~ /Mixed/ && $5 ~ /^[.0]$/ && 2 * reads[2] >= $6) {
      if ($1 ~ /LowDepth|InDeletion/) next
      calls++
      if (kind != "indels" && $6 - reads[2] >= 3 && $6 - reads[2] > lesser * $6) mixed++
    } else if ($5 == "0") hidden++
  }
  END {
    printf "{\n  \"sample\": \"%s\",\n  \"ploidy\": %d,\n", sample, ploidy > json
    printf "  \"passed\": {\"snps\": %d, \"indels\": %d, \"other\": %d},\n  \"filtered\": {", passed["snps"], passed["indels"], passed["other"] > json
    for (i = 1; i <= count; i++) printf "%s\"%s\": %d", (i == 1 ? "" : ", "), names[i], filtered[names[i]] > json
    printf "},\n  \"haploid_calls\": %d,\n  \"haploid_calls_with_other_reads\": %d,\n  \"mixed_reference_sites\": %d,\n", calls, mixed, hidden > json
    printf "  \"sites_at_the_depth_limit\": %d\n}\n", capped > json
    printf "passed: %d SNPs, %d indels, %d others\n", passed["snps"], passed["indels"], passed["other"]
    printf "filtered:"
    for (i = 1; i <= count; i++) printf " %d %s", filtered[names[i]], names[i]
    print ""
    if (mixed + hidden >= 3 && mixed + hidden >= .05 * (calls + hidden)) {
      if (mixed) text = sprintf("%d of %d calls have under %d%% of the reads", mixed, calls, 100 - 100 * lesser)
      if (hidden) text = text (mixed ? ", and " : "") sprintf("%d sites have a second allele beside the reference", hidden)
      warn(text ". Is the sample a mixture?")
    }
    if (capped) warn(sprintf("at %d sites the depth reaches the limit of 1,000 reads, so DP and AD count a part of the reads there", capped))
  }'
echo "bcftools: \"${version%+*}\"" > "qc/$SAMPLE.call_mqc_versions.yml"

[ -n "${CONSENSUS:-}" ] || exit 0
joined() { find "$regions" -name "*.$1" | sort | xargs -r cat; }
depth=$SAMPLE/$SAMPLE.depth.bedgraph.gz
{
  echo "#mean depth of each $window bases, of the reads that the caller uses"
  joined depth
} | bgzip > "$depth"
if [ "$index" = tbi ]; then tabix -p bed "$depth"; else tabix -C -p bed "$depth"; fi
joined callable > "$regions/callable"
bcftools query -f '%CHROM\t%POS\t%REF\t%ALT\t%FILTER[\t%GT]\n' "$vcf" > "$regions/calls"
# Replace the last line of the JSON object, so that the next members can follow.
truncate -s -3 "qc/$SAMPLE.variants.json"
awk -v sample="$SAMPLE" -v calls="$regions/calls" -v callable="$regions/callable" \
  -v wanted="$(awk '{ bases += $3 - $2 } END { printf "%d", bases }' "$wanted")" \
  -v bed="$regions/known.bed" -v json="qc/$SAMPLE.variants.json" -v warnings="qc/$SAMPLE.call_warnings.txt" \
  -f "$tools/consensus.awk" "$reference" | bgzip -l 4 -@ "$THREADS" > "$SAMPLE/$SAMPLE.consensus.fa.gz"
bgzip < "$regions/known.bed" > "$SAMPLE/$SAMPLE.callable.bed.gz"
