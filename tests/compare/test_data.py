import gzip
import hashlib
import struct

import numpy as np
import pytest

from compare.data import load_mnist, moons, one_hot, read_idx


def idx(array, kind=0x08):
    """The bytes of an idx file."""
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = np.arange(12, dtype=">u1").reshape(3, 2, 2) * 20
LABELS = np.array([9, 0, 3], dtype=">u1")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS))
    return tmp_path


# -- moons ---------------------------------------------------------------------------------------

PINNED = "efc5fe8325687d271b3040478ff18225c504560a88254fea55eae870244ac1a3"


def test_moons_have_pinned_bits():
    x, y = moons(100, seed=7)
    assert hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest() == PINNED


def test_moons_lie_on_two_half_circles():
    x, y = moons(50, noise=0.0)
    assert x.shape == (2, 50) and y.shape == (1, 50) and x.dtype == y.dtype == np.float64
    assert sorted(set(y.ravel())) == [0.0, 1.0]
    upper, lower = x[:, y[0] == 0], x[:, y[0] == 1]
    assert np.allclose((upper**2).sum(axis=0), 1) and (upper[1] >= 0).all()
    assert np.allclose((lower[0] - 1) ** 2 + (lower[1] - 0.5) ** 2, 1) and (lower[1] <= 0.5).all()


def test_moons_need_a_sample():
    with pytest.raises(ValueError, match="samples: expected at least 1, got 0"):
        moons(0)


# -- idx -----------------------------------------------------------------------------------------

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_idx_of_every_type(tmp_path, kind, pack):
    array = np.array([[1, 2, 3], [4, 5, 100]], dtype=TYPES[kind])
    path = tmp_path / "data"
    path.write_bytes(pack(idx(array, kind)))
    read = read_idx(path)
    assert read.shape == (2, 3) and read.tolist() == array.tolist()
    assert read_idx(str(path)).dtype == array.dtype


GOOD = idx(IMAGES)
PACKED = gzip.compress(GOOD, mtime=0)  # the bytes are in the names of tests, which stay the same


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not an idx file: it starts with nothing"),
        (b"\0\0\x08", "not an idx file: it starts with 00 00 08"),
        (b"\x89PNG" + GOOD, "not an idx file: it starts with 89 50 4e 47"),
        (b"\0\0\x07" + GOOD[3:], "not an idx file: it starts with 00 00 07"),
        (GOOD[:9], "cut short in its header of 16 bytes, got 9"),
        (GOOD[:-1], r"cut short: a header for shape \(3, 2, 2\) needs 28 bytes, got 27"),
        (GOOD[:16], "cut short"),
        (GOOD + b"\0", "too long: .* needs 28 bytes, got 29"),
        (PACKED[:-9], "the gzip stream is damaged or cut short"),
        (PACKED[:2], "the gzip stream is damaged or cut short"),
        (PACKED[:10] + b"\xff\xff\xff" + PACKED[13:], "the gzip stream is damaged or cut short"),
        (PACKED[:-8] + bytes(8), "the gzip stream is damaged or cut short"),
        (gzip.compress(GOOD[:-1], mtime=0), "cut short"),
    ],
)
def test_a_damaged_idx_file_is_refused(tmp_path, raw, message):
    path = tmp_path / "broken"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=message) as caught:
        read_idx(path)
    assert "broken" in str(caught.value)


def test_a_header_that_claims_very_much_allocates_nothing(tmp_path):
    path = tmp_path / "huge"
    path.write_bytes(b"\0\0\x0e\x04" + b"\xff" * 16)
    with pytest.raises(ValueError, match="cut short"):
        read_idx(path)


def test_a_missing_idx_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


# -- mnist ---------------------------------------------------------------------------------------


def test_load_mnist_puts_samples_in_columns(folder):
    x, y = load_mnist(folder)
    assert x.shape == (4, 3) and x.flags.c_contiguous
    assert x[:, 1].tolist() == [v / 255 for v in (80, 100, 120, 140)]
    assert y.shape == (10, 3) and y.argmax(axis=0).tolist() == [9, 0, 3] and y.sum() == 3


def test_load_mnist_names_the_missing_file(folder):
    with pytest.raises(FileNotFoundError, match=r"no train-images-idx3-ubyte and no train-.*\.gz"):
        load_mnist(folder, "train")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels"):
        load_mnist(folder)


def test_load_mnist_refuses_other_parts(folder):
    with pytest.raises(ValueError, match="part: expected 'train' or 'test', got 'valid'"):
        load_mnist(folder, "valid")


@pytest.mark.parametrize("labels", [LABELS[:2], LABELS.reshape(3, 1), np.array(1, dtype=">u1")])
def test_images_and_labels_must_fit(folder, labels):
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(labels))
    with pytest.raises(ValueError, match=r"images \(3, 2, 2\) and labels .* do not fit"):
        load_mnist(folder)


def test_a_folder_of_no_digits(folder):
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(idx(IMAGES[:0]))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS[:0]))
    x, y = load_mnist(folder)
    assert x.shape == (4, 0) and y.shape == (10, 0)


@pytest.mark.parametrize(
    ("labels", "bad"),
    [([1, 10, 2], "10 in sample 1"), ([-1], "-1 in sample 0"), ([0, 1.5], "1.5 in sample 1")],
)
def test_labels_out_of_range(labels, bad):
    with pytest.raises(ValueError, match=f"labels: expected 0 to 9, got {bad}"):
        one_hot(np.array(labels), 10)


def test_the_real_digits(mnist):
    x, y = load_mnist(mnist)
    assert x.shape == (784, 10_000) and x.min() == 0.0 and x.max() == 1.0
    assert y[:, :5].argmax(axis=0).tolist() == [7, 2, 1, 0, 4]
    assert load_mnist(mnist, "train")[1][:, 0].argmax() == 5
