# Included by the Makefile.
.PHONY: image image-test

image: ## build the container image (TAG=…)
	sh .image/build.sh $(TAG)

image-test: $(STAMP) image ## build and test it
	$(BIN)/python -m pytest $(ARGS) tests/image/image.py
