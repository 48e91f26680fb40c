"""`import metaxbar` is fast: what only some calls need is imported by these."""
import subprocess
import sys


def test_late_imports():
    late = "{'numpy', 'subprocess', 'shutil', 'json', 'inspect', 'pathlib'} & set(sys.modules)"
    code = f"import sys, metaxbar; print({late}); metaxbar.Device().at([1.0], 1.0); print('numpy' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.split() == ["set()", "True"]
