"""The lab: its worksheet, answers and exercises, what a class hands in, and a folder for a class without a network."""
