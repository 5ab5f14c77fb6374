# The transfers of every client. A client defines the functions `send FOLDER PREFIX` and `fetch PREFIX FOLDER`, which copy all files of a
# folder. The environment sets BUCKET and PREFIX.
mkdir -p one large small
printf x > one/file
head -c 300000000 /dev/urandom > large/file
for i in {1..200}; do head -c 100000 /dev/urandom > "small/$i"; done

send one "$PREFIX/one" > /dev/null 2>&1
timed start fetch "$PREFIX/one" got-one
for size in large small; do
  timed "send_$size" send "$size" "$PREFIX/$size"
  timed "fetch_$size" fetch "$PREFIX/$size" "got-$size"
done
# The downloaded files must be complete. `job` deletes its files when its command ends.
[ ! -d got-large ] || diff -r large got-large
[ ! -d got-small ] || diff -r small got-small
code=0
fetch_one "$PREFIX/absent/file" absent > /dev/null 2>&1 || code=$?
echo "missing $code"
