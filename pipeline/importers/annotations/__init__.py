"""Importers of annotation formats: COCO, Pascal VOC, Cityscapes, Labelme, CVAT, Label Studio, instances, MATLAB.

May import the rest of importers, dataset and the rooms below it. Open `drawn.py` first.
"""
