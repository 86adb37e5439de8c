/** The name of the variable that marks the processes of a tree: they inherit it, wherever they go. */
export const TREE = 'ENDSWELL_TREE'

/** A variable of the sidecar's own environment, not the first, by which it finds out whether `grep` reads past a NUL. */
export const PROBE = 'ENDSWELL_SIDECAR'

/**
 * What the sidecar does, in the words of every POSIX shell.
 *
 * It keeps a list of trees, as its standard input tells it: `+ <tree>` and `- <tree>`. A tree is
 * `<mark>:<pid of its leader>:<when that was born>`; the latter two are 0 while the leader is being started. When the input
 * ends, the process at its other end is gone, and all on the list are killed: the leader's group, unless somebody else has
 * that number by now, and everybody who carries the mark, until a look finds nobody.
 *
 * The entries of an environment end in NULs, which not every `grep` bears, and not everywhere is one. Then the shell
 * reads for itself, some ten times slower. Where there is no `/proc`, only the groups are killed.
 */
export const SCRIPT = `
trap '' TERM INT HUP QUIT TSTP
trees=' '
while read -r op tree; do
  case $op in
    +) trees="$trees$tree " ;;
    -) case $trees in *" $tree "*) trees="\${trees%% $tree *} \${trees#* $tree }" ;; esac ;;
  esac
done
[ "$trees" = ' ' ] && exit

same() {
  stat=
  { while IFS= read -r line; do stat="$stat$line "; done < "/proc/$1/stat"; } 2>/dev/null
  [ -n "$stat" ] || return 0
  set -- "$2" \${stat##*) }
  [ "\${21}" = "$1" ]
}
groups() {
  for tree in $trees; do
    born=\${tree##*:} pid=\${tree#*:}
    pid=\${pid%:*}
    [ "$pid" -gt 1 ] && same "$pid" "$born" && kill -KILL "-$pid" 2>/dev/null
  done
}
if grep -qsF '${PROBE}=1' "/proc/$$/environ" 2>/dev/null; then
  marked() {
    set --
    for tree in $trees; do set -- "$@" -e "${TREE}=\${tree%%:*}"; done
    grep -lsF "$@" /proc/[0-9]*/environ
  }
else
  marked() {
    for file in /proc/[0-9]*/environ; do
      held= line=
      { while IFS= read -r line; do held="$held$line"; done < "$file"; } 2>/dev/null
      held="$held$line"
      for tree in $trees; do
        case $held in *"${TREE}=\${tree%%:*}"*) echo "$file"; break ;; esac
      done
    done
  }
fi
round=0
while [ "$round" -lt 40 ]; do
  groups
  pids=
  for file in $(marked); do
    file=\${file#/proc/}
    pids="$pids \${file%/environ}"
  done
  [ -n "$pids" ] || exit
  kill -KILL $pids 2>/dev/null
  round=$((round + 1))
  [ "$round" -gt 10 ] && sleep 1
done
`
