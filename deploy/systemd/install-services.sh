#!/bin/sh
# 装成系统服务，三个进程各用一个系统用户。管理员运行：sh install-services.sh [单位名称] [考试机访问用的名称或 IP …]
# 再次运行只补齐缺的；已有的数据文件夹和设置不动。
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "请用管理员（root）运行" >&2; exit 1; }
[ -x /opt/pufa/current/bin/pufa ] || { echo "先装软件：sh install.sh（装到 /opt/pufa）" >&2; exit 1; }
name=${1:-任前法律知识考试办公室}
[ $# -gt 0 ] && shift
install -D -m 644 pufa.sysusers /usr/lib/sysusers.d/pufa.conf
systemd-sysusers pufa.conf
[ -e /etc/pufa/pufa.conf ] || install -D -m 644 pufa.conf /etc/pufa/pufa.conf
. /etc/pufa/pufa.conf
if [ ! -e "$PUFA_HOME/home.toml" ]; then
    mkdir -p "$(dirname "$PUFA_HOME")"
    set -- $(for one in "$@"; do printf -- '--address %s ' "$one"; done)
    /opt/pufa/current/bin/pufa init "$PUFA_HOME" --name "$name" "$@"
fi
/opt/pufa/current/bin/pufa share --home "$PUFA_HOME"
install -m 644 pufa.target pufa-*.service /etc/systemd/system/
systemctl daemon-reload
systemctl enable --now pufa.target
echo "已启动。看状态：systemctl status 'pufa-*'　日志：journalctl -u 'pufa-*'"
echo "命令行办事请写成：sudo -u pufa-worker /opt/pufa/current/bin/pufa …"
