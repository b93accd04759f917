"""A trainer's JupyterLab, in Chinese, on the shipped content: ``python -m courses.lab`` (``make lab``).

Everything is data beside this file: ``config/`` holds JupyterLab's settings, ``share/`` a prebuilt extension in plain
JavaScript that puts three tiles on the launcher. Nothing is looked up on the internet.
"""
