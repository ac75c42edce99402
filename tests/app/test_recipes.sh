#!/usr/bin/env bash
# The recipes in jobs/ are programs that parse, name this version, and set no option that the build does not know.
. "$(dirname "$0")/lib.sh"
touch "$work/out"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
jobs=$source_dir/jobs
version=$(sed -n 's/^project(tengen VERSION \([0-9.]*\) .*/\1/p' "$source_dir/CMakeLists.txt")

python3 - "$jobs" "$version" >"$work/options" 2>"$work/out" <<'END' || fail "a recipe does not parse"
import ast, pathlib, re, sys
jobs, version = pathlib.Path(sys.argv[1]), sys.argv[2]
tree = ast.parse((jobs / "spack/package.py").read_text())
calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
named = lambda c: getattr(c.func, "id", getattr(c.func, "attr", ""))
assert [c.args[0].value for c in calls if named(c) == "version"] == [version], "version of the Spack package"
options = [c.args[0].value for c in calls if named(c) == "define"]
(eb,) = (jobs / "easybuild").glob("*.eb")
easy = {"SOURCELOWER_TAR_GZ": ""}
exec(eb.read_text(), easy)
assert easy["version"] == version and version in eb.name, "version of the easyconfig"
text = easy["configopts"] + (jobs / "tengen.def").read_text()
print("\n".join(sorted(set(options + re.findall(r"-D([A-Za-z_]+)=", text)))))
END
[ "$(wc -l <"$work/options")" -ge 5 ] || fail "no options found"
while read -r option; do
  case $option in BUILD_TESTING | CMAKE_*) continue ;; esac # CMake's own
  grep -qriw "${option%_ROOT}" "$source_dir/CMakeLists.txt" "$source_dir/cmake" || fail "no option of the build: $option"
done <"$work/options"

# The image's commands are shell, and the module file is Tcl.
sed -n '/^%post/,/^%env/p' "$jobs/tengen.def" | grep -v '^%' >"$work/post"
bash -n "$work/post" || fail "%post of the image"
grep -q install-deps.sh "$work/post" || fail "%post installs nothing"
command -v tclsh >/dev/null || { echo "1 passed, 0 failed (no tclsh for the module file)"; exit 0; }
cat >"$work/module.tcl" <<'END'
set ModulesCurrentModulefile /opt/t/share/tengen/modulefiles/tengen/0.1
foreach name {module-whatis conflict} { proc $name args {} }
foreach name {prepend-path setenv} { proc $name {variable value} { puts "$variable=$value" } }
source [lindex $argv 0]
END
tclsh "$work/module.tcl" "$jobs/modulefile" >"$work/out" 2>&1 || fail "the module file"
grep -qx "PATH=/opt/t/bin" "$work/out" && grep -qx "TENGEN_JOBS=/opt/t/share/tengen/jobs" "$work/out" || fail "its paths"
echo "1 passed, 0 failed"
