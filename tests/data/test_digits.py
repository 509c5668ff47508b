import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from dlguide.data.digits import digits

RAW = load_digits()
# first image of each filled-in form, read off the labels
FORMS = [0, 130, 256, 386, 516, 646, 776, 915, 1029, 1157, 1287, 1415, 1545,
         1667]


def test_the_pixels_are_scikit_learns_divided_by_16_in_its_order():
    (x_train, y_train), (x_test, y_test) = digits()
    x = np.concatenate([x_train, x_test])
    np.testing.assert_array_equal(x[..., 0] * 16, RAW.images)
    np.testing.assert_array_equal(np.append(y_train, y_test), RAW.target)


def test_sizes_types_and_range():
    (x_train, y_train), (x_test, y_test) = digits()
    assert x_train.shape == (1437, 8, 8, 1)
    assert x_test.shape == (360, 8, 8, 1)
    assert y_train.shape == (1437,)
    assert y_test.shape == (360,)
    assert x_train.dtype == x_test.dtype == np.float32
    assert y_train.dtype == y_test.dtype == np.int64
    assert x_train.min() == x_test.min() == 0
    assert x_train.max() == x_test.max() == 1


def test_no_image_is_in_both_parts():
    (x_train, _), (x_test, _) = digits()
    seen = {image.tobytes() for image in x_train}
    assert not any(image.tobytes() in seen for image in x_test)


def test_every_class_has_a_fair_share_in_both_parts():
    (_, y_train), (_, y_test) = digits()
    assert np.bincount(y_train).min() > 0.09 * len(y_train)
    assert np.bincount(y_test).min() > 0.09 * len(y_test)


def test_each_call_returns_fresh_arrays():
    (first, _), _ = digits()
    first[:] = 0
    (second, _), _ = digits()
    assert second.max() == 1


def test_the_docstring_is_right_about_the_forms():
    """14 runs begin alike; the cut is 22 images after the start of one."""
    ends = [*FORMS[1:], len(RAW.target)]
    assert len(FORMS) == 14
    start = RAW.target[:20]
    alike = [np.mean(RAW.target[f : f + 20] == start) for f in FORMS]
    assert sorted(alike)[1] == 1  # 13 begin with 0-9 twice
    assert min(alike) >= 0.75  # one has lost a few digits of its second row
    assert all(110 <= b - a <= 140 for a, b in zip(FORMS, ends, strict=True))
    assert [1437 - f for f in FORMS if f <= 1437][-1] == 22


def accuracy(train, test):
    """Of logistic regression on the images with these indices."""
    x = RAW.data / 16
    model = LogisticRegression(max_iter=1000).fit(x[train], RAW.target[train])
    return model.score(x[test], RAW.target[test])


def test_shuffling_across_the_cut_flatters_the_model():
    index = np.arange(1797)
    ordered = accuracy(index[:1437], index[1437:])
    shuffled = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(index)
        shuffled.append(accuracy(order[:1437], order[1437:]))
    assert min(shuffled) > ordered + 0.03


def test_the_22_images_of_the_divided_form_change_little():
    index = np.arange(1797)
    with_them = accuracy(index[:1437], index[1437:])
    without = accuracy(index[:1415], index[1437:])
    assert abs(with_them - without) < 0.015
