# Included by the Makefile.
.PHONY: image image-test

image:
	sh .image/build.sh $(TAG)

image-test: $(STAMP) image
	$(BIN)/python -m pytest $(ARGS) tests/image/image.py
