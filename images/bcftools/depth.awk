# Measures the depth of a region. Its inputs are
#   1. BED of the places that are wanted, each contig's in a row
#   2. BED of the region's parts, in the same order of the contigs
#   3. the sites that mpileup hands to the caller, in the order of the parts: contig, position, reference base, depth
# Only sites in both BED files count.
#
# least    depth from which a base is callable. An N of the reference is not callable at any depth
# window   bases of a window of the track
# file     beginning of the outputs' names: <file>.callable, BED of the callable runs with the sum of their depths, and <file>.depth, bedGraph
#          of the mean depth of each window
BEGIN { FS = OFS = "\t" }
# Most sites continue a callable run within a window. One sum serves both, so that such a site costs little.
$2 == follow && $2 <= end && $4 >= least && $3 != "N" && $1 == contig {
  total += $4
  follow++
  next
}
FNR == 1 { input++ }
input == 1 {
  if (!($1 in first_place)) first_place[$1] = FNR
  last_place[$1] = FNR
  place_from[FNR] = $2
  place_to[FNR] = $3
  next
}
input == 2 {
  if (!($1 in first_place)) next
  if (place < first_place[$1]) place = first_place[$1]
  while (place < last_place[$1] && place_to[place] <= $2) place++
  for (i = place; i <= last_place[$1] && place_from[i] < $3; i++) {
    if (place_to[i] <= $2) continue
    if (!($1 in rank)) rank[$1] = FNR
    name[++parts] = $1
    from[parts] = $2 > place_from[i] ? $2 : place_from[i]
    to[parts] = $3 < place_to[i] ? $3 : place_to[i]
  }
  next
}
{
  while (k <= parts && (!k || rank[contig] < rank[$1] || contig == $1 && $2 > to[k])) next_part()
  # A base comes twice where two regions of mpileup overlap.
  if (contig != $1 || $2 <= from[k] || $2 < follow || $2 <= done) next
  done = $2
  while ($2 > end) close_window()
  callable = $4 >= least && $3 != "N"
  if ($2 != follow || !callable) close_run()
  if (callable) {
    if (!follow) {
      first = $2 - 1
      before = earlier + total
    }
    follow = $2 + 1
  }
  total += $4
}
END { while (k <= parts) next_part() }

function next_part() {
  while (k && at < to[k]) close_window()
  close_run()
  k++
  contig = name[k]
  at = done = from[k]
  open_window()
}
function open_window() {
  end = (int(at / window) + 1) * window
  if (end > to[k]) end = to[k]
}
function close_window() {
  printf "%s\t%d\t%d\t%.0f\n", contig, at, end, total / (end - at) > (file ".depth")
  earlier += total
  total = 0
  at = end
  open_window()
}
# The run ends before the base `follow`, which counts from 1.
function close_run() {
  if (follow) print contig, first, follow - 1, earlier + total - before > (file ".callable")
  follow = 0
}
