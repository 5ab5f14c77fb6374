#!/bin/bash
# Calls the variants of all samples of a cohort together, region by region, and filters the genotypes.
#
# PLOIDY           1 or 2
# THREADS          number of regions that are called in parallel
# REGION_BASES     largest size of a region, in bases; a contig longer than 64 of these has 64 larger regions
# PLATFORM         illumina, ont or hifi
# ALIGNMENT        bam or cram
# REFERENCE_URI    the user's reference, for the VCF's header
# MIN_DEPTH        reads below which a genotype is missing
# MIN_QUAL         QUAL below which a call gets the filter LowQual
# MIN_MAPQ         mapping quality below which a read is ignored
# KEEP_DUPLICATES  set if reads that are marked as duplicates count
# TARGETS          name of the staged BED to which the calls are limited; unset for none
# REGIONS          or the same in words, each CONTIG or CONTIG:FROM-TO; unset for none
# PLOIDY_FILE      name of the staged file with lines CONTIG PLOIDY or CONTIG FROM TO PLOIDY; other contigs have PLOIDY
set -euo pipefail

inputs=$TMPDIR/inputs
regions=$TMPDIR/regions
mkdir "$inputs" "$inputs/samples" "$regions"
[ -z "${TARGETS:-}" ] || mv -- "./$TARGETS" "$inputs/places"
[ -z "${PLOIDY_FILE:-}" ] || mv -- "./$PLOIDY_FILE" "$inputs/ploidies"
mv reference.fa reference.fa.fai "$inputs"
reference=$inputs/reference.fa
index=tbi
bam_index=bai
awk '$2 > 2^29 { long = 1 } END { exit !long }' "$reference.fai" && index=csi bam_index=csi
[ "$ALIGNMENT" = bam ] || bam_index=crai
# Move only the indexes of this kind. Others belong to an earlier reference, and htslib would prefer them.
mv -- *".$ALIGNMENT" *".$ALIGNMENT.$bam_index" "$inputs/samples"
mkdir cohort qc
vcf=cohort/cohort.vcf.gz
# Keep htslib from looking for the reference of a CRAM on the internet.
export REF_PATH=$inputs
alignments=$inputs/alignments
find "$inputs/samples" -name "*.$ALIGNMENT" | LC_ALL=C sort > "$alignments"
# Each process opens all alignments.
ulimit -Sn "$(ulimit -Hn)"

# shellcheck source=shared/regions.sh
source shared/regions.sh

call() {
  # shellcheck disable=SC2086  # lists of options
  bcftools mpileup --no-version -Ou -f "$reference" -R "$1.wide.bed" $pileup -b "$alignments" \
    | bcftools view --no-version -Ou -i 'N_ALT>1 || INDEL=1' \
    | bcftools call --no-version -Ou $calling \
    | bcftools view --no-version -Ob -T "$1.bed" -i 'AC>0' -o "$1.bcf"
}
export alignments
call_regions

{
  described '-b alignments'
  echo 'FILTER=<ID=InDeletion,Description="Of the samples with the allele, each has a deletion of this base too, and less than half as many reads have this base as the deletion">'
  echo 'FILTER=<ID=LowDepth,Description="Each sample with the allele has too few reads">'
  echo 'FILTER=<ID=LowQual,Description="QUAL is too low">'
  echo 'FILTER=<ID=Mixed,Description="Each sample with the allele has reads of another allele too, though it is haploid">'
  echo 'FILTER=<ID=Overlap,Description="Each sample with the allele has a call of higher QUAL that changes the same base">'
  echo 'FORMAT=<ID=FT,Number=1,Type=String,Description="Why the genotype was set to missing (see FILTER), or PASS">'
} | sed 's/^/##/' > "$regions/header"

# A genotype that would be filtered in the VCF of its sample is set to missing, so that a tool that ignores FT does not count it. Before the
# alleles of a site are split, each sample still has the reads of all alleles. For a haploid sample the caller keeps no likelihood of two
# alleles, as the call step uses. So only counts tell a mixture here. Two alleles explain each read with a probability of 1/2, a Phred score
# of 3. One allele explains those of another as errors, of which each has a Phred score of 25 or more, and 12 of a nanopore.
lesser=.1 error=25
[ "$PLATFORM" != ont ] || lesser=.25 error=12
find "$regions" -name '*.bcf' | sort > "$regions/called"
bcftools concat --naive -v 0 -f "$regions/called" | bcftools view --no-version -Ov | awk -F '\t' -v OFS='\t' -v header="$regions/header" \
  -v least="$MIN_DEPTH" -v lesser="$lesser" -v error="$error" '
  function mixed(ad, dp,   n, reads, i, top, second) {
    n = split(ad, reads, ",")
    top = 1
    for (i = 2; i <= n; i++) if (reads[i] + 0 > reads[top] + 0) top = i
    for (i = 1; i <= n; i++) if (i != top && reads[i] + 0 > second) second = reads[i] + 0
    if (second >= 3 && error * second > 3 * dp + 20 || second >= 6 && second >= .25 * dp || second >= 10 && second >= lesser * dp) return 1
    return top > 1 && dp - reads[top] >= 5 && dp - reads[top] > lesser * dp
  }
  /^##reference=/ { next }
  /^##FORMAT=<ID=DP,/ { sub(/">$/, ", at most 1,000\">") }
  /^#CHROM/ { while ((getline line < header) > 0) print line }
  /^#/ { print; next }
  {
    if ($9 != format) {
      format = $9
      n = split(format, names, ":")
      for (i = 1; i <= n; i++) at[names[i]] = i
    }
    indel = $8 ~ /(^|;)INDEL(;|$)/
    $9 = format ":FT"
    for (i = 10; i <= NF; i++) {
      split($i, field, ":")
      gt = field[1]
      ft = "PASS"
      if (gt ~ /^[.\/|]+$/) ft = "."
      else if (field[at["DP"]] < least) ft = "LowDepth"
      else if (!indel && gt !~ /[\/|]/ && mixed(field[at["AD"]], field[at["DP"]])) ft = "Mixed"
      $i = $i ":" ft
    }
    print
  }' \
  | bcftools norm --no-version -Ou -f "$reference" -m -any --multi-overlaps . \
  | bcftools view --no-version -Ov -i 'AC>0' | awk -F '\t' -v OFS='\t' -v low="$MIN_QUAL" '
  BEGIN { reasons = split("InDeletion LowDepth LowQual Mixed Overlap", names, " ") }
  # As in the call step: of two calls that change the same base of all copies of a sample, at most one is right.
  function weaker_calls(   i, j, k) {
    for (i = 2; i <= held; i++) for (j = 1; j < i; j++)
      if (from[i] <= to[j] && from[j] <= to[i])
        for (k = 10; k <= columns; k++)
          if (passed(i, k) && passed(j, k)) ft[quality[i] < quality[j] ? i : j, k] = "Overlap"
  }
  function passed(i, k) { return ft[i, k] == "PASS" && gt[i, k] ~ /^1([\/|]1)?$/ }
  function release(   i, k, n, line, why, carried, text, name) {
    if (held > 1) weaker_calls()
    for (i = 1; i <= held; i++) {
      n = split(record[i], line, "\t")
      split("", why)
      carried = 0
      for (k = 10; k <= n; k++) {
        if (gt[i, k] ~ /1/) {
          if (ft[i, k] == "PASS") carried = 1
          else why[ft[i, k]]
        }
        if (ft[i, k] != "PASS") {
          if (ft[i, k] != ".") gsub(/[01]/, ".", gt[i, k])
          sub(/[^:]*/, gt[i, k], line[k])
          sub(/[^:]*$/, ft[i, k], line[k])
        }
      }
      if (carried) split("", why)
      if (quality[i] < low) why["LowQual"]
      text = ""
      for (name = 1; name <= reasons; name++) if (names[name] in why) text = text (text ? ";" : "") names[name]
      line[7] = text ? text : "PASS"
      text = line[1]
      for (k = 2; k <= n; k++) text = text "\t" line[k]
      print text
    }
    held = 0
    split("", gt)
    split("", ft)
  }
  /^#/ { print; next }
  $1 != contig { split("", end); deleted = 0 }
  $1 != contig || $2 > last { release(); contig = $1; last = 0 }
  {
    if ($9 != format) {
      format = $9
      n = split(format, keys, ":")
      for (i = 1; i <= n; i++) at[keys[i]] = i
    }
    record[++held] = $0
    quality[held] = $6
    columns = NF
    from[held] = to[held] = -1 / held
    same = length($4) == length($5)
    if (!same) {
      from[held] = $2 + (length($4) > 1 ? 1 : .5)
      to[held] = $2 + (length($4) > 1 ? length($4) - 1 : .5)
    }
    shorter = length($4) > length($5)
    for (i = 10; i <= NF; i++) {
      n = split($i, field, ":")
      gt[held, i] = field[1]
      ft[held, i] = field[n]
      if (same && $2 <= deleted && $2 <= end[i] && 2 * field[at["DP"]] < reads[i] && field[1] ~ /[01]/) ft[held, i] = "InDeletion"
      if (shorter && field[1] ~ /^1([\/|]1)?$/ && $2 + length($4) - length($5) > end[i] + 0) {
        end[i] = $2 + length($4) - length($5)
        reads[i] = field[at["DP"]]
        if (end[i] > deleted) deleted = end[i]
      }
    }
    if ($2 + length($4) - 1 > last) last = $2 + length($4) - 1
  }
  END { release() }' \
  | bcftools +fill-tags --no-version -Ou -- -t AC,AN,FORMAT/VAF \
  | bcftools view --no-version -Oz -T "$wanted" "-W=$index" -o "$vcf"
samples=$(bcftools query -l "$vcf")
staged=$(sed "s/.*\///; s/\.$ALIGNMENT$//" "$alignments")
[ "$samples" = "$staged" ] || { echo "cohort refused: the alignments of $(paste -sd ' ' <<< "$staged") name the samples $(paste -sd ' ' <<< "$samples")" >&2; exit 1; }
bcftools stats -f PASS -s - -F "$reference" "$vcf" > qc/cohort.bcftools_stats.txt

# Count what a reader needs: the calls that passed, those that did not by reason, and the genotypes of each sample at the calls that passed.
bcftools query -f '%FILTER\t%REF\t%ALT[\t%GT %FT %DP]\n' "$vcf" | awk -F '\t' -v samples="$(tr '\n' ' ' <<< "$samples")" -v ploidy="$PLOIDY" \
  -v json=qc/cohort.variants.json -v warnings=qc/cohort.joint_warnings.txt '
  function warn(text) {
    print "warning: " text
    print text > warnings
  }
  function add(list, name, part, of) { return list (list ? ", " : "") sprintf("%s (%d of %d)", name, part, of) }
  BEGIN {
    printf "" > warnings
    count = split("InDeletion LowDepth LowQual Mixed Overlap", names, " ")
    all = split(samples, sample, " ")
  }
  {
    kind = length($2) != length($3) ? "indels" : length($2) == 1 ? "snps" : "other"
    for (i = split($1, reasons, ";"); i; i--) filtered[reasons[i]]++
    if ($1 == "PASS") passed[kind]++
    for (i = 1; i <= all; i++) {
      split($(i + 3), field, " ")
      if (field[3] + 0 >= 990) capped++
      if (field[2] == "Mixed") mixed[i]++
      if ($1 != "PASS") continue
      if (field[2] != "PASS") missing[i]++
      else if (field[1] ~ /1/) alternative[i]++
    }
  }
  END {
    total = passed["snps"] + passed["indels"] + passed["other"]
    printf "{\n  \"samples\": %d,\n  \"ploidy\": %d,\n", all, ploidy > json
    printf "  \"passed\": {\"snps\": %d, \"indels\": %d, \"other\": %d},\n  \"filtered\": {", passed["snps"], passed["indels"], passed["other"] > json
    for (i = 1; i <= count; i++) printf "%s\"%s\": %d", (i == 1 ? "" : ", "), names[i], filtered[names[i]] > json
    printf "},\n  \"by_sample\": [" > json
    for (i = 1; i <= all; i++)
      printf "%s\n    {\"sample\": \"%s\", \"alternative\": %d, \"missing\": %d, \"mixed\": %d}", (i == 1 ? "" : ","), sample[i], alternative[i], missing[i], mixed[i] > json
    printf "\n  ]\n}\n" > json
    printf "%d samples. Passed: %d SNPs, %d indels, %d others\n", all, passed["snps"], passed["indels"], passed["other"]
    printf "filtered:"
    for (i = 1; i <= count; i++) printf " %d %s", filtered[names[i]], names[i]
    print ""
    for (i = 1; i <= all; i++) {
      if (missing[i] > .2 * total) few = add(few, sample[i], missing[i], total)
      if (mixed[i] >= 3 && mixed[i] >= .05 * (alternative[i] + mixed[i])) two = add(two, sample[i], mixed[i], alternative[i] + mixed[i])
    }
    if (few) warn("samples that have no genotype at more than 20 % of the sites: " few)
    if (two) warn("haploid samples that have reads of two alleles at 5 % or more of their variants. Are they mixtures? " two)
    if (capped) warn(sprintf("%d genotypes have the limit of 1,000 reads, so DP and AD count a part of the reads there", capped))
  }'
echo "bcftools: \"${version%+*}\"" > qc/cohort.joint_mqc_versions.yml
