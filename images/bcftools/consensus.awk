# Writes the consensus of a sample: the reference, which is the input, with the variants that passed. bcftools consensus leaves out a variant
# that touches a masked base, even a deletion whose last base has no reads, and it does not find contigs with ":" in their names.
#
# A base is N if it is not callable, if a record covers it that did not pass, or if a heterozygous indel covers it. What passed is applied
# in any case, so a deleted base is absent and not N. Heterozygous substitutions become the codes for two bases.
#
# sample     the sample's name, for messages
# calls      file of the VCF's records: contig, position, REF, ALT, FILTER, GT
# callable   BED of the callable runs, with the sum of the depths in each
# wanted     bases in which variants were called
# bed        BED to write: callable runs and the bases of deletions that passed
# json       a JSON object without its end, to which the figures are added
# warnings   file to add warnings to, one a line
BEGIN { OFS = "\t" }
/^>/ {
  close_contig()
  before = name
  name = substr($1, 2)
  print $1 " " sample
  bytes += length($0) + 1
  next
}
{
  size = length($0)
  if (!at) open_contig()
  unknown += gsub(/N/, "&")
  move_to(at)
  inside = owner == name && from < at + size
  if (!(int(at / width) in changed) && (!inside || from <= at && to >= at + size)) {
    mark(inside, at)
    if (!inside) gsub(/./, "N")
    put($0)
  } else {
    text = ""
    for (i = 1; i <= size; i++) {
      base = at + i
      move_to(base - 1)
      known = owner == name && from < base
      mark(known || base in new, base - 1)
      text = text (base in new ? code(new[base]) : known && !(base in doubt) ? substr($0, i, 1) : "N") (base in after ? after[base] : "")
    }
    put(text)
  }
  at += size
  bytes += length($0) + 1
}
END {
  if (!failed) close_contig()
  if (!failed && call != "") fail("it lacks the call " call)
  if (failed) exit 1
  printf "" > bed
  place = wanted < bases ? "targets are" : "reference is"
  if (wanted > bases - unknown) wanted = bases - unknown
  printf ",\n  \"callable_bases\": %d,\n  \"reference_bases\": %d,\n  \"mean_depth\": %.1f\n}\n", kept, wanted, counted ? depth / counted : 0 >> json
  if (kept < .9 * wanted) warn(sprintf("only %.1f %% of the %s callable. Elsewhere, no variant does not mean none", 100 * kept / wanted, place))
  if (clashes) warn("calls that passed, and overlap another one: " clashes ". The consensus leaves them out")
}

# Reads the records of a contig.
function open_contig() {
  width = size
  first_byte = bytes
  split("", new)
  split("", after)
  split("", doubt)
  split("", changed)
  gone_from = gone_to = 0
  while (call != "" || (getline call < calls) > 0) {
    split(call, c, "\t")
    if (c[1] != name) break
    read_call(c[2], c[3], c[4], c[5] == "PASS", c[6])
    call = ""
  }
}
# Notes what a record changes: `new` has the alleles of a base, none if it is deleted, and `after` has what is inserted behind a base.
function read_call(at, reference, alternative, passed, genotype,   size, long, whole, applies, i, base) {
  if (passed && genotype !~ /1/) return
  size = length(reference)
  long = length(alternative)
  whole = genotype ~ /^1([\/|]1)*$/
  applies = passed && (whole || size == 1 && long == 1)
  if (applies && size == long && deleted(at)) move_deletion(at)
  for (i = 0; i < size; i++) {
    changed[int((at + i - 1) / width)]
    if (allele(alternative, i) != allele(reference, i) && (at + i in new) && (whole || new[at + i] == "")) applies = 0
  }
  base = at + size - 1
  if (long > size && ((base in after) || deleted(base) && deleted(base + 1))) applies = 0
  if (passed && whole && !applies) clashes++
  for (i = 0; i < size; i++) {
    if (!applies) doubt[at + i]
    else if (allele(alternative, i) != allele(reference, i)) new[at + i] = new[at + i] allele(alternative, i) (whole ? "" : genotype ~ /0/ ? reference : "")
  }
  if (!applies) return
  if (long < size && at + long > gone_to) {
    gone_from = at + long
    gone_to = at + size - 1
    gone_bases = substr(reference, long + 1)
  }
  if (long > size) after[base] = substr(alternative, size + 1)
  grown += long - size
}
# Moves the last deletion behind a substitution in it, if the same bases follow. norm moves each deletion to the left without regard to the
# substitutions of the sample: the genome ACCG with a substitution and a deletion is ATG, though the deletion is written as that of the first C.
function move_deletion(base,   shift, i, command, following) {
  if (base < gone_from || base > gone_to) return
  shift = base - gone_from + 1
  command = sprintf("tail -c +%d \"%s\" | head -c %d | tr -d \"\\n\"", first_byte + gone_to + int(gone_to / width) + 1, FILENAME, 2 * shift + 2)
  command | getline following
  close(command)
  following = substr(following, 1, shift)
  if (following != substr(gone_bases, 1, shift)) return
  for (i = 1; i <= shift; i++) if ((gone_to + i in new) || (gone_to + i - 1 in after)) return
  for (i = 1; i <= shift; i++) {
    delete new[gone_from + i - 1]
    new[gone_to + i] = ""
    changed[int((gone_to + i - 1) / width)]
  }
  gone_bases = substr(gone_bases, shift + 1) following
  gone_from += shift
  gone_to += shift
}
function allele(sequence, i) { return substr(sequence, i + 1, 1) }
function deleted(base) { return (base in new) && new[base] == "" }
function code(alleles) {
  if (length(alleles) < 2) return alleles
  return substr("ACMGRSVTWYHKDBN", !!index(alleles, "A") + 2 * !!index(alleles, "C") + 4 * !!index(alleles, "G") + 8 * !!index(alleles, "T"), 1)
}
# Moves to the first callable run that ends behind a base, or to the next contig that has one.
function move_to(base) {
  while (owner == before || owner == name && to <= base) {
    if ((getline run < callable) <= 0) {
      owner = "\t"
      return
    }
    split(run, c, "\t")
    owner = c[1]
    from = c[2]
    to = c[3]
    counted += to - from
    depth += c[4]
  }
}
function mark(known, base) {
  if (known == was) return
  was = known
  if (known) begin = base
  else {
    print name, begin, base > bed
    kept += base - begin
  }
}
function put(text) {
  made += length(text)
  rest = rest text
  while (length(rest) >= 60) {
    print substr(rest, 1, 60)
    rest = substr(rest, 61)
  }
}
function close_contig() {
  mark(0, at)
  if (rest != "") print rest
  if (made != at + grown) fail("contig " name " has " made " bases. With its calls, it must have " at + grown)
  bases += at
  at = made = grown = 0
  rest = ""
}
function warn(text) {
  print "warning: " text > "/dev/stderr"
  print text >> warnings
}
function fail(text) {
  print "the consensus of " sample " is wrong: " text > "/dev/stderr"
  failed = 1
  exit 1
}
