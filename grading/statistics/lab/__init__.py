"""The same pictures in JupyterLab, over an exported file: the only part of the statistics that imports pandas, matplotlib, ipywidgets."""
