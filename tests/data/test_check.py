import numpy as np
import pytest

from dlguide.data.check import check_images

GOOD_X = np.zeros((6, 32, 32, 3), "uint8")
GOOD_Y = np.arange(6)


def with_value(value):
    x = GOOD_X.astype("float32")
    x[4, 3, 2, 1] = value
    return x


GOOD = {
    "uint8 as CIFAR-10 has it": (GOOD_X, GOOD_Y.astype("uint8")[:, None]),
    "float32": (GOOD_X.astype("float32"), GOOD_Y),
    "float64, standardised": (with_value(-3.5).astype("float64"), GOOD_Y),
    "float16": (GOOD_X.astype("float16"), GOOD_Y),
    "labels of another integer type": (GOOD_X, GOOD_Y.astype("int16")),
    "a single image": (GOOD_X[:1], GOOD_Y[:1]),
    "a list of labels": (GOOD_X, [0, 9, 9, 9, 9, 0]),
}
BAD = {
    "one image without N": (GOOD_X[0], GOOD_Y, "got (32, 32, 3)"),
    "channels first": (np.zeros((6, 3, 32, 32), "uint8"), GOOD_Y,
                       "must be (N, 32, 32, 3), got (6, 3, 32, 32)"),
    "grey": (GOOD_X[..., :1], GOOD_Y, "got (6, 32, 32, 1)"),
    "grey without channel": (GOOD_X[..., 0], GOOD_Y, "got (6, 32, 32)"),
    "alpha": (np.zeros((6, 32, 32, 4), "uint8"), GOOD_Y, "(6, 32, 32, 4)"),
    "28 pixels": (np.zeros((6, 28, 28, 3), "uint8"), GOOD_Y, "28"),
    "flattened": (GOOD_X.reshape(6, -1), GOOD_Y, "got (6, 3072)"),
    "two batches": (GOOD_X[None], GOOD_Y, "got (1, 6, 32, 32, 3)"),
    "a number": (3, GOOD_Y, "got ()"),
    "empty": (GOOD_X[:0], GOOD_Y[:0], "at least 1 image"),
    "int32": (GOOD_X.astype("int32"), GOOD_Y, "uint8 or float, got int32"),
    "bool": (GOOD_X.astype(bool), GOOD_Y, "got bool"),
    "complex": (GOOD_X.astype(complex), GOOD_Y, "got complex128"),
    "text": (GOOD_X.astype(str), GOOD_Y, "uint8 or float"),
    "objects": (GOOD_X.astype(object), GOOD_Y, "dtype object"),
    "None": (None, GOOD_Y, "images must be one array of numbers, got "
             "NoneType with dtype object"),
    "images of two sizes": ([GOOD_X[0], GOOD_X[0, :5]], [0, 1],
                            "not one array"),
    "NaN": (with_value(np.nan), GOOD_Y, "NaN or infinity in image 4"),
    "infinity": (with_value(np.inf), GOOD_Y, "NaN or infinity in image 4"),
    "minus infinity": (with_value(-np.inf), GOOD_Y, "in image 4"),
    "too few labels": (GOOD_X, GOOD_Y[:5], "(6,) or (6, 1) for 6 images"),
    "too many labels": (GOOD_X, np.zeros(7, int), "got (7,)"),
    "one-hot labels": (GOOD_X, np.eye(10, dtype=int)[:6], "got (6, 10)"),
    "labels as a row": (GOOD_X, GOOD_Y[None], "got (1, 6)"),
    "no labels": (GOOD_X, None, "labels must be one array of numbers, got "
                  "NoneType with dtype object"),
    "float labels": (GOOD_X, GOOD_Y * 1.0, "integers, got float64"),
    "bool labels": (GOOD_X, GOOD_Y > 2, "integers, got bool"),
    "names as labels": (GOOD_X, ["cat"] * 6, "must be integers"),
    "label 10": (GOOD_X, GOOD_Y + 5, "0 to 9, got 10 at index 5"),
    "label -1": (GOOD_X, GOOD_Y - 1, "0 to 9, got -1 at index 0"),
    "label 255": (GOOD_X, np.full((6, 1), 255, "uint8"), "got 255"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_data_passes(name):
    x, y = GOOD[name]
    assert check_images(x, y) is None


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_named(name):
    x, y, message = BAD[name]
    with pytest.raises(ValueError) as caught:  # noqa: PT011, tested below
        check_images(x, y)
    assert message in str(caught.value)


def test_the_number_of_classes_and_the_image_size_can_be_others():
    x, y = np.zeros((2, 8, 8, 1), "float32"), np.array([0, 3])
    assert check_images(x, y, classes=4, shape=(8, 8, 1)) is None
    with pytest.raises(ValueError, match="labels must be 0 to 2, got 3"):
        check_images(x, y, classes=3, shape=(8, 8, 1))
    assert check_images(x, np.array([0, 1]), 2, (8, 8, 1)) is None


@pytest.mark.parametrize("classes", [1, 0, -2, 2.5, "10", None])
def test_an_impossible_number_of_classes_is_refused(classes):
    with pytest.raises(ValueError, match="classes must be at least 2"):
        check_images(GOOD_X, GOOD_Y, classes)


def test_the_data_is_left_as_it_was():
    x, y = GOOD_X.copy(), GOOD_Y.copy()
    check_images(x, y)
    np.testing.assert_array_equal(x, GOOD_X)
    np.testing.assert_array_equal(y, GOOD_Y)
