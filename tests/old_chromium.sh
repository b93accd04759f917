#!/bin/sh
# Fetches a Chromium of 2020 (86.0.4240), as old office PCs have it, and says where it lies:  tests/old_chromium.sh FOLDER
# It comes from an npm package that carries the browser itself (chrome-aws-lambda); pinned by its SHA-256. Needs npm, node and a registry.
set -eu
mkdir -p "$1"
cd "$1"
if [ ! -x chromium-86 ]; then
    npm pack --silent chrome-aws-lambda@5.3.1 >/dev/null
    echo "e258e73f4d5957f39de30f6343a2f44de425d978d8058631e4e9d20111c2222a  chrome-aws-lambda-5.3.1.tgz" | sha256sum --quiet -c -
    tar xzf chrome-aws-lambda-5.3.1.tgz package/bin/chromium.br
    node -e 'const fs = require("fs"); fs.writeFileSync("aside", require("zlib").brotliDecompressSync(fs.readFileSync("package/bin/chromium.br")), { mode: 0o755 })'
    mv aside chromium-86
    rm -r package chrome-aws-lambda-5.3.1.tgz
fi
echo "$PWD/chromium-86"
