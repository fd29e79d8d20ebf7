"""What browsers send as `Accept` for an image, and the one of three spellings that every edge makes of it."""

AVIF, WEBP, NEITHER = "image/avif,image/webp", "image/webp", "*/*"
SPELLED = {
    "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8": AVIF,
    "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5": AVIF,
    "IMAGE/AVIF, image/*;q=0.5": AVIF,
    "image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5": WEBP,
    "image/avif;q=0,image/webp": WEBP,
    "image/avif ; q=0.000 , image/webp;q=0.9": WEBP,
    "image/png,image/*;q=0.8,*/*;q=0.5": NEITHER,
    "image/avif;q=0, image/webp;q=0.0, */*": NEITHER,
    "*/*": NEITHER,
    "": NEITHER,
}
