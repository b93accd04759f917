#!/bin/sh
# 在没有互联网的机器上安装 pufa：sh install.sh [安装位置，默认 /opt/pufa，没有管理员权限时 ~/pufa]
# 只往安装位置、字体文件夹和（有管理员权限时）/usr/local/bin 写东西；不访问网络。再次运行就是升级，数据文件夹不动。
set -eu
cd "$(dirname "$0")"
if [ "$(id -u)" = 0 ]; then prefix=${1:-/opt/pufa}; fonts=/usr/local/share/fonts/pufa; else prefix=${1:-$HOME/pufa}; fonts=$HOME/.local/share/fonts/pufa; fi
say() { echo "pufa 安装：$*"; }
stop() { say "$*" >&2; exit 1; }

machine= glibc= python= version=
while IFS='=' read -r name value; do
    case $name in machine) machine=$value ;; glibc) glibc=$value ;; python) python=$value ;; version) version=$value ;; esac
done < BUILT-ON
[ "$(uname -m)" = "$machine" ] || stop "这个安装包是给 $machine 处理器的，这台机器是 $(uname -m)；请换对应的安装包"
here=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
[ -n "$here" ] || stop "认不出这台机器的系统库版本；本安装包需要 glibc $glibc 或更新"
[ "$(printf '%s\n%s\n' "$glibc" "$here" | sort -V | head -1)" = "$glibc" ] ||
    stop "这台机器的系统库（glibc $here）比安装包要求的（$glibc）旧；请用在本系统上制作的安装包"
say "核对文件"
sha256sum --quiet -c SHA256SUMS || stop "安装包不完整或被改动过；请重新拷贝"

say "安装 $version 到 $prefix"
new=$prefix/.new-$$
trap 'rm -rf "$new"' EXIT
mkdir -p "$prefix" "$new" || stop "$prefix 写不进去；请换一个位置，或用管理员权限运行"
cp -R python "$new/python"
mkdir -p "$prefix/releases"
release=$prefix/releases/$version-$(date +%Y%m%d%H%M%S)
mv "$new/python" "$new/release"
mv "$new/release" "$release"
# pip runs from its own wheel; --no-index: nothing but the folder of wheels is looked at
# DEB_…: Debian's Python would put the commands into local/bin
install() {
    DEB_PYTHON_INSTALL_LAYOUT=deb_system PYTHONPATH=$(echo wheels/pip-*.whl) "$release/bin/$python" -m pip install -q --root-user-action=ignore --no-index \
        --no-warn-script-location "$@" || { rm -rf "$release"; stop "安装没有完成；原有版本没有改动"; }
}
install --find-links wheels --require-hashes -r requirements.lock
install --no-deps wheels/pufa-*.whl
cp -R docs deploy LICENSE "$release/"
ln -s "$python" "$release/bin/python3"
ln -sfn "$release" "$prefix/current"
cat > "$prefix/demo.sh" <<END
#!/bin/sh
# 演示：考场 http://127.0.0.1:8000 ，办公 http://127.0.0.1:8001 ；数据在 \${1:-\$HOME/pufa-demo}
exec "$prefix/current/bin/$python" -m hall.demonstration "\${1:-\$HOME/pufa-demo}"
END
chmod 755 "$prefix/demo.sh"
mkdir -p "$fonts" && cp fonts/* "$fonts/"
if [ "$(id -u)" = 0 ] && [ -d /usr/local/bin ]; then ln -sf "$prefix/current/bin/pufa" /usr/local/bin/pufa; fi
say "完成。试一试：sh $prefix/demo.sh　　命令：$prefix/current/bin/pufa --help"
