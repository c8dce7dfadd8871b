"""Sentences that code puts together. Going: they give way to prose by hand when the evidence of this chapter is renewed."""
