#!/bin/bash
# Images for tests, from the programs of the node itself: no registry is asked. Run as root on the node.
#
#   /images/runner          sandbox folder with what the simulated runner and its steps call
#   /images/runner.sif      the same as a SIF
#   /images/runner.tar      the same as `docker save` writes it
#   /images/hooks           the site's own scripts, which tell /results/hooks where they run
#   /images/broken          a runner that ends at once
#   /cvmfs/data.test/images a plain folder in place of a mount, with an archive of busybox
set -eu
runner=/images/runner busybox=/images/busybox
mkdir -p "$runner"/{bin,etc,tmp,proc,dev,sys,root,var/tmp,usr,run,opt,home,results,cvmfs} "$busybox/bin" /cvmfs/data.test/images
mkdir -m 1777 /results
ln -s ../bin "$runner/usr/bin"
ln -s ../run "$runner/var/run"
programs='bash sh cat chmod cp curl dd dirname docker env find flock grep head id ln ls mkdir mkfifo mv ps readlink rm sed sleep sort stat tail touch tr
  true base64 timeout'
for program in $programs; do
  path=$(readlink -f "$(type -P "$program")")
  cp "$path" "$runner/bin/$program"
  ldd "$path" 2> /dev/null | grep -o '/[^ ]*' || true
done | sort -u | while read -r library; do
  mkdir -p "$runner${library%/*}"
  cp -L "$library" "$runner$library"
done
cp /etc/passwd /etc/group "$runner/etc/"
cp /bin/busybox "$busybox/bin/busybox"
for name in sh cat echo id ls ps sleep true; do ln -s busybox "$busybox/bin/$name"; done

# archive FOLDER NAME FILE: an image of one layer, as `docker load` takes it
archive() {
  local draft layer
  draft=$(mktemp -d)
  tar -C "$1" -cf "$draft/layer.tar" .
  layer=$(sha256sum "$draft/layer.tar" | cut -d ' ' -f 1)
  printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$layer" > "$draft/config.json"
  printf '[{"Config":"config.json","RepoTags":["%s:latest"],"Layers":["layer.tar"]}]' "$2" > "$draft/manifest.json"
  tar -C "$draft" -cf "$3" manifest.json config.json layer.tar
  rm -rf "$draft"
}
archive "$runner" runner /images/runner.tar
archive "$busybox" busybox /cvmfs/data.test/images/busybox.tar
mkdir /images/hooks
for event in beforeClaim jobStarted jobCompleted exit; do
  cat > "/images/hooks/$event" << HOOK
#!/bin/sh
place=node
[ -z "\${APPTAINER_CONTAINER:-}" ] || place=apptainer
[ ! -e /.dockerenv ] || place=docker
echo "$event \$place \${GITHUB_JOB:+job}" >> /results/hooks
HOOK
done
: > /results/hooks
chmod 0666 /results/hooks
chmod 0755 /images/hooks/*
mkdir /images/broken
printf '#!/bin/sh\necho "Cannot reach https://user:a-password@github.test"; exit 1\n' > /images/broken/run.sh
chmod 0755 /images/broken/run.sh
chmod -R a+rX /images /cvmfs
apptainer --silent build /images/runner.sif "$runner"
