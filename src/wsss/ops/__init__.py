"""Pure functions on arrays and tensors: no parameters, no files, no state.

The letters of every shape in this package:

    B  batch                 C  foreground classes of the data set
    D  channels              K  classes present in one image
    H, W  image              L  labels, C + 1 (or K + 1 within one image), background first
    h, w  feature map        P  offsets, which pair each of n source cells with P other cells
    N  cells of a grid, h w  T  thresholds

Class ids are 0-based and without background; a label map holds 0 = background, c + 1 = class c and
255 = ignore.
"""
