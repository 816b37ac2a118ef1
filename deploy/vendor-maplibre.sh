#!/bin/sh
# Puts one pinned version of MapLibre GL JS into the package. Needs npm; the project itself does not.
# To take another version: change VERSION, run it, and check what the new INTEGRITY should be.
set -eu

VERSION=6.17.0
INTEGRITY=sha512-2chIZwpLGenoUQOcnm9Pk4SLbA8ppNFq8jlpXiq9vcYm3Y1wJ3fc82FL0GLwBaPYJCLzPv/mC46KEupVov75rQ==

here=$(cd "$(dirname "$0")" && pwd)
into="$here/../dispatcher/web/static/vendor/maplibre"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm pack --silent "maplibre-gl@$VERSION" >/dev/null
found="sha512-$(openssl dgst -sha512 -binary "maplibre-gl-$VERSION.tgz" | openssl base64 -A)"
if [ "$found" != "$INTEGRITY" ]; then
  echo "maplibre-gl $VERSION is not what was expected: $found" >&2
  exit 1
fi
tar -xzf "maplibre-gl-$VERSION.tgz"
mkdir -p "$into"
for file in maplibre-gl.mjs maplibre-gl-worker.mjs maplibre-gl.css; do
  # Without the last line that names a source map, which is not kept.
  sed '/^\/\/# sourceMappingURL=/d' "package/dist/$file" >"$into/$file"
done
cp package/LICENSE.txt "$into/LICENSE.txt"
echo "$VERSION" >"$into/VERSION"
echo "MapLibre GL JS $VERSION is in $into"
