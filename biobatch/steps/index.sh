#!/bin/bash
# Checks and normalizes a reference, then indexes it for bwa and samtools.
#
# REFERENCE  name of the staged file
# FOLDER     folder for the results, relative to the working folder
#
# A change of the script, other than of comments, makes every existing index again: the client compares the command in its manifest.
set -euo pipefail

command -v foreign-format > /dev/null || { echo "the images are older than this client. Update the stack: pulumi up" >&2; exit 1; }

mv -- "./$REFERENCE" "$TMPDIR/given"
mkdir -p "$FOLDER"
cd "$FOLDER"

format=$(foreign-format "$TMPDIR/given" "$REFERENCE")
[ -z "$format" ] || {
  echo "reference refused, line 1: it is not FASTA, it is $format" >&2
  exit 1
}
plain() {
  if [ "$(head -c 2 "$1" | od -An -tx1)" = " 1f 8b" ]; then gzip -dc < "$1"; else cat "$1"; fi
}

# bwa index accepts anything, and samtools faidx almost anything. Lower case would give lower-case alleles. A code for several bases
# inside an indel would make bcftools norm fail, and bwa replaces such a code by a random base.
plain "$TMPDIR/given" | LC_ALL=C awk '
function refuse(why) {
  print "reference refused, line " NR ": " why > "/dev/stderr"
  refused = 1
  exit 1
}
function finish() {
  if (name != "" && !bases) refuse("contig " name " has no bases")
  if (rest != "") print rest
  rest = ""
}
{ sub(/[ \t\r]+$/, "") }
/^>/ {
  finish()
  name = substr($1, 2)
  if (name == "") refuse("a contig has no name")
  # Allow the names that SAM allows, except "=", which bcftools cannot read back, and a leading "#", which starts a comment in VCF and BED.
  if (name !~ /^[0-9A-Za-z!$%&+.\/:;?@^_|~-][0-9A-Za-z!#$%&*+.\/:;?@^_|~-]*$/)
    refuse("the contig name " name " has a character that SAM or VCF forbid, such as , or =, or # as its first")
  if (seen[name]++) refuse("the contig name " name " appears twice")
  bases = 0
  print
  next
}
$0 == "" { next }
name == "" { refuse(/^@/ ? "this is FASTQ, not FASTA" : "FASTA begins with >") }
{
  line = toupper($0)
  if (match(line, /[^ACGTRYSWKMBDHVN]/)) refuse("\"" substr(line, RSTART, 1) "\" in contig " name " is no code for a DNA base")
  masked += gsub(/[RYSWKMBDHV]/, "N", line)
  line = rest line
  size = length(line)
  for (i = 1; i + 59 <= size; i += 60) print substr(line, i, 60)
  rest = substr(line, i)
  bases = 1
}
END {
  if (refused) exit 1
  if (name == "") refuse("it is empty")
  finish()
  if (masked) print masked " codes for several bases became N" > "/dev/stderr"
}' > reference.fa

bwa index reference.fa
samtools faidx reference.fa
awk '{ bases += $2 } END { print NR " contigs, " bases " bases" }' reference.fa.fai
