-- The key images whose payload confirms only what is known already, by release: each is held
-- against a suspect picture.
CREATE INDEX key_image_confirming ON key_image (release) WHERE carrier = 1;
