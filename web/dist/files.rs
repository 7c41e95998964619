// Written by web/scripts/dist.mjs.
&[
]
