"""Reading PyTorch's files."""

import base64
import io
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.networks.pretrained.torch_file import Storage, Tensor, read_arrays


def unpack(text: bytes) -> bytes:
    """The bytes of a file."""
    return zlib.decompress(base64.b85decode(text))


ZIPPED = unpack(
    b"c-o~@J#W)M7(Uyn<GM6W3sOplE-"
    b"a2zQrr1zsc0(;c`*{9fE2M<u457lH_kbipfW{5RAQqGVnX~2*!cx4Or1cYVu2sP!kyi?wxc9%ImJ08exDD&_dc#^ObP&w10yR7mVn`zExT{6Hw"
    b"<JHI?o+d$$+P^HK0w?bsWn?w%hLV54?uuS&e(PiFgR|dyo?96ecquZ6X)574#mmoi49?)_%`+8alGtUDwn5G7lL+sHbsp7grih3#I}HuR5-"
    b"Q9tD5$aK<MTAzNqgZgzSwt+5Dl4>h1M8hr$3HA-WSApfRC49p>TZ4b`-pf=33ut;l2eBW(1L*50yM1t8?TB8tL#C-XDz_Enj^*wl_SEy-"
    b"e?$+S%;cr|?uG-k{<-"
    b"mN{y}~osJ1~&mx4bUylB&#}H&G&#pZ=V@BI49U$`w#Or#$PCZa8+cePFebsuUAPbD>o!5d%9f;4d0W&=U<Tf}PO7{vonla@eY}brs#=a%_Ygi+"
    b"Ff__s2~ZtFRM2WWaW8D%V9-x$_?e0@lF}{@TSKd=2pRahEvCy*)i%#y6IyI9iK4l2k>wu%q-"
    b"D3(@O*J9UWwH&Jf^Y=wH^L{+caf+A0pzkX;wnSTDOKt3Np|53Y^XX6QcX^`~mc0*MPmoy@lE0QE`l;vVY+N@N?vb<T6WT{x(C{>E0xKWZtS(Zw"
    b"h#O3#&Cyxc}L-1Wv#BAs@n#$~m^W=LhiH-&^7ej7SU|f!qB+(G9#7K^#BqPa9@<fBM7~@%@!Ds-J@aWWLV(@n~NMt98jZR=3D=-"
    b"PHl*C47Xd#AuAHk04UG!*I<IkJ|Q--dlvFzG#M48(ml1uD!bg+L;4I{_;>HES4zk|2$3>#oLzdoq_2azy|(f"
)
"""Of {"a": torch.arange(6.0).reshape(2, 3).t(), "n": torch.tensor(7)}, written by PyTorch 2.14.1."""
PLAIN = unpack(
    b"c-n1{xlY4C5QcrlfrW%{G<1|s6CuaBDpH^{%Nd$&kQMAzY-"
    b"D*e_Bs+skz7T<Gf+_SYCHlG1>+>36j|+|ot^o=e<#=8Nc8hQ_&$03yg6><+U1vy`wSF|)f7dUBti;LMDCO)X((b)F@aU^B?_gCxXWWd9L1o$Fo"
    b"Hq(G~sR<KJygx85kBTVK5CuBB4YzrsFM)C79G;Mxi0%F_fv1Wytgp6LC)>B_-"
    b"F1&lB#Shn^&$)Q6y2OvQ>3Xr2^_7c|^VhEYn~gg<0q<hzo`sYu+ZO+dFSRxZGpIT~{?mL+5miIKcp1__i{6?1xy)9tjKUdQR$wgcwEqc_RWmU$"
    b"&%>y|21r`jC0sY>-Zkk_EFvm;@52$hAW7^(pxgFnm#{_3Byw?=8T?B;2+-"
    b"Gy3ErYfrMqk6r*R6LMyIE1636Zb{;H<(j5X=%J+D(fRZ!>x}KSB~qWudZIotMeDEn}2f"
)
"""Of the same, in the format of before 1.6."""


class Runs:
    """Unpickled, it makes a folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made",)


def zipped(content: Any) -> bytes:
    """A file of today's format with a pickle of its own."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(content))
    return file.getvalue()


@pytest.mark.parametrize("data", [ZIPPED, PLAIN])
def test_both_formats_are_read(data: bytes, tmp_path: Path) -> None:
    """A transposed array comes as it was meant, and a number is an array without axes."""
    (tmp_path / "x.pth").write_bytes(data)
    arrays = read_arrays(tmp_path / "x.pth")
    assert list(arrays) == ["a", "n"]
    np.testing.assert_array_equal(arrays["a"], [[0, 3], [1, 4], [2, 5]])
    assert arrays["a"].dtype == np.float32 and arrays["n"] == 7


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"other", PLAIN[:-4], PLAIN[:200], ZIPPED[:900], zipped([1]), zipped({"a": 1}), zipped({"a": Runs()})),
        *(pickle.dumps(Runs()), pickle.dumps(1) * 5, ZIPPED.replace(b"FloatStorage", b"HalfsStorage")),
    ],
)
def test_anything_else_is_refused_and_runs_nothing(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pickle may name any function."""
    monkeypatch.chdir(tmp_path)
    Path("x.pth").write_bytes(data)
    with pytest.raises(ValueError, match="no state_dict of PyTorch"):
        read_arrays(Path("x.pth"))
    assert not Path("made").exists()


@pytest.mark.parametrize(
    ("offset", "shape", "strides"), [(0, (3, 3), (3, 1)), (2, (2, 3), (3, 1)), (-1, (2,), (1,)), (5, (2,), (-1,))]
)
def test_an_array_outside_of_its_numbers_is_refused(
    offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    """It would look at memory of others."""
    tensor = Tensor(Storage(np.dtype("<f4"), "0"), offset, shape, strides)
    with pytest.raises(ValueError, match="lies outside of its 6 numbers"):
        tensor.array(np.arange(6, dtype=np.float32))
