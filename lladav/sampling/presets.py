from lladav.sampling.config import SPEEDS, Speed
