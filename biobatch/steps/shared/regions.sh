# What call.sh and joint.sh have in common: the places that are wanted, the regions that are called in parallel, and the options of bcftools.
#
# A step's script is sent as one text, so variants.py puts this file in the place of the line that names it.

# Read a table of places into sorted lines CONTIG FROM TO PLOIDY, counted from 0 as in a BED, or refuse it.
places() {
  sed '1s/^\xef\xbb\xbf//; s/\r$//' | awk -v OFS='\t' -v kind="$1" -v name="${2:-}" '
    function refuse(text) {
      gsub(/\t/, " ", text)
      gsub(/[^ -~]/, "?", text)
      print kind " refused (" (kind == "regions" ? $0 : name) "): " (kind == "regions" || !FNR ? "" : "line " FNR ": ") substr(text, 1, 200) > "/dev/stderr"
      exit failed = 1
    }
    NR == FNR { bases[$1] = $2; place[$1] = NR; next }
    !NF || kind != "regions" && /^(#|track|browser)/ { next }
    {
      contig = $1; from = ploidy = ""
      if (kind == "targets") { from = $2; to = $3 }
      if (kind == "regions" && !(contig in bases) && match(contig, /:[^:]*-[^:]*$/)) {
        from = to = substr(contig, RSTART + 1)
        contig = substr(contig, 1, RSTART - 1)
        sub(/-.*/, "", from); sub(/.*-/, "", to)
      }
      if (kind == "ploidies") {
        ploidy = $NF
        if (NF != 2 && NF != 4) refuse("write CONTIG PLOIDY or CONTIG FROM TO PLOIDY, not " $0)
        if (ploidy !~ /^[12]$/) refuse("the ploidy must be 1 or 2, not " ploidy)
        if (NF == 4) { from = $2; to = $3 }
      }
      whole = from == "" && kind != "targets"
      if (!whole && from "_" to !~ /^[0-9]+_[0-9]+$/) refuse("write the contig, the start and the end, not " $0)
      if (!(contig in bases)) refuse("the reference has no contig " contig)
      if (whole) { from = 0; to = bases[contig] } else if (kind != "targets") from--
      if (from < 0) refuse("the first base is 1, not 0")
      if (from + 0 >= to + 0) refuse("the end is before the start: " $0)
      if (to + 0 > bases[contig] + 0) refuse("it ends at base " to ", and " contig " has " bases[contig] " bases")
      print place[contig], contig, from + 0, to + 0, ploidy
      found = 1
    }
    END { FNR = 0; if (!failed && !found) refuse("it is empty"); exit failed }' "$reference.fai" - | sort -k 1,1n -k 3,3n -k 4,4n | cut -f 2-
}
# Join places that are less than 2 * $1 bases apart, after adding $1 bases to each end.
widened() {
  awk -F '\t' -v OFS='\t' -v pad="$1" '
    NR == FNR { bases[$1] = $2; next }
    { from = $2 > pad ? $2 - pad : 0; end = $3 + pad < bases[$1] ? $3 + pad : bases[$1] }
    $1 == contig && from <= to { if (end > to) to = end; next }
    contig != "" { print contig, start, to }
    { contig = $1; start = from; to = end }
    END { if (contig != "") print contig, start, to }' "$reference.fai" -
}
wanted=$regions/wanted.bed
if [ -n "${TARGETS:-}" ]; then
  gzip -cdf "$inputs/places" | places targets "$TARGETS" | widened 0 > "$wanted"
elif [ -n "${REGIONS:-}" ]; then
  tr ' ' '\n' <<< "$REGIONS" | places regions | widened 0 > "$wanted"
else
  awk -F '\t' -v OFS='\t' '{ print $1, 0, $2 }' "$reference.fai" > "$wanted"
fi
ploidies="--ploidy $PLOIDY"
if [ -n "${PLOIDY_FILE:-}" ]; then
  places ploidies "$PLOIDY_FILE" < "$inputs/ploidies" | awk -v OFS='\t' -v rest="$PLOIDY" '
    { print $1, $2 + 1, $3, "F", $4 }
    END { print "*", "*", "*", "F", rest }' > "$inputs/ploidy"
  ploidies="--ploidy-file $inputs/ploidy"
  stated=$(awk '{ printf "%s%s:%s-%s=%s", (NR == 1 ? "" : ","), $1, $2, $3, $5 }' "$inputs/ploidy")
fi

# Cut the genome, or 200 bases more than the wanted places, into regions. Short pieces share a region. The regions do not depend on THREADS,
# so the result does not either. A contig has 64 regions at most, because mpileup reads the whole contig for each region. Calls within 1,000
# bases of a cut depend on the reads beyond it, so each region is called with 1,000 more bases on either side (.wide).
widened 200 < "$wanted" | awk -F '\t' -v OFS='\t' -v most="$REGION_BASES" -v pad=1000 -v folder="$regions" '
function wide() { if (contig != "") print contig, start, end > file ".wide.bed" }
NR == FNR { bases[$1] = $2; next }
{
  size = $3 - $2
  limit = bases[$1] > 64 * most ? bases[$1] / 64 : most
  pieces = int((size + limit - 1) / limit)
  for (i = 0; i < pieces; i++) {
    from = $2 + int(size * i / pieces)
    to = $2 + int(size * (i + 1) / pieces)
    apart = $1 != contig || from - pad > end
    if (!count || held + to - from > limit) {
      wide()
      close(file ".bed")
      close(file ".wide.bed")
      file = sprintf("%s/%06d", folder, ++count)
      held = 0
      contig = ""
      apart = 1
    }
    if (apart) {
      wide()
      contig = $1
      start = from > pad ? from - pad : 0
    }
    end = to + pad < bases[$1] ? to + pad : bases[$1]
    held += to - from
    print $1, from, to > file ".bed"
  }
}
END { wide() }' "$reference.fai" -

# Raise -L together with -d. With -d alone, mpileup skips every indel.
pileup="-d 1000 -L 4000 -q $MIN_MAPQ -a FORMAT/AD,FORMAT/ADF,FORMAT/ADR,FORMAT/DP,FORMAT/SP"
case $PLATFORM in
  ont) pileup="-X ont-sup-1.20 $pileup" ;;
  hifi) pileup="-X pacbio-ccs-1.20 $pileup" ;;
esac
[ -z "${KEEP_DUPLICATES:-}" ] || pileup="$pileup --ff UNMAP,SECONDARY,QCFAIL"
calling="-m -A -a GQ $ploidies"

# Run the function `call` on each region, in parallel. All regions log the same lines, so print them once. The exit code 255 makes xargs stop.
call_regions() {
  export -f call
  export calling pileup reference wanted
  # shellcheck disable=SC2016  # bash -c expands it
  find "$regions" -name '*.wide.bed' -print0 | sed -z 's/\.wide\.bed$//' | sort -z \
    | xargs -0 -n 1 -P "$THREADS" bash -euo pipefail -c 'call "$0" 2> "$0.log" || { cat "$0.log" >&2; exit 255; }' \
    || { echo "a region of the genome could not be called (see above)" >&2; exit 1; }
  find "$regions" -name '*.log' -exec cat {} + | sort -u >&2
}

# described ALIGNMENTS: the lines of the VCF's header that say what made the calls: one line a tool, as run, without the paths of the regions.
version=$(bcftools --version | sed -n '1s/^bcftools //p; 2s/^Using htslib /+htslib-/p' | tr -d '\n')
described() {
  local checksum
  checksum=$(awk -F '\t' '$1 == "reference.fa" && $5 != "-" { print $5 }' "${JOB_INPUT_LIST:-/dev/null}")
  [ -n "$checksum" ] || checksum=$(sha256sum < "$reference" | cut -d ' ' -f 1)
  echo "reference=$REFERENCE_URI"
  echo "referenceSHA256=$checksum"
  [ -z "${TARGETS:-}" ] || echo "targets=$TARGETS"
  [ -z "${REGIONS:-}" ] || echo "regions=$REGIONS"
  [ -z "${PLOIDY_FILE:-}" ] || echo "ploidies=$stated"
  echo "bcftools_mpileupVersion=$version"
  echo "bcftools_mpileupCommand=mpileup -f reference.fa $pileup $1"
  echo "bcftools_callVersion=$version"
  echo "bcftools_callCommand=call ${calling//"$inputs/"/}"
}
