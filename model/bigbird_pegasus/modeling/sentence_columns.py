"""The inputs of the default model's small networks: which columns there are, in which order, and their sizes.

No torch here: features are computed, and the networks run, without it.
"""

# The columns of a sentence's dense features, in the order that the shipped weights were trained with.
SIMILARITY_COLUMNS = (
    "centroid_cosine",  # with the sum of the unit vectors of the first 200 sentences
    "raw_centroid_cosine",  # with the sum of their vectors: long sentences weigh more
    "opening_cosine",  # with the first three sentences
    "headings_cosine",
    "max_similarity",
    "similar_share",  # of the first 200 sentences
    "similarity_to_previous",
    "similarity_to_next",
    "mean_log_word_count",  # how often the document has the sentence's words
)
POSITION_COLUMNS = (
    "log_words",
    "words",
    "log_position",
    "relative_position",
    "log_position_by_log_length",
    "log_position_in_paragraph",
    "log_paragraph_sentences",
    "log_sections",
    "log_since_heading",
    "log_sentences_before",
    "inverse_position",
    "inverse_sentences_before",
    "log_document_sentences",
)
TYPOGRAPHY_COLUMNS = (
    "starts_paragraph",
    "ends_as_sentence",
    "is_heading",
    "uppercase_share",
    "digit_share",
    "mark_share",
    "before_first_heading",
    "has_few_words",
)
DENSE_COLUMNS = SIMILARITY_COLUMNS + POSITION_COLUMNS + TYPOGRAPHY_COLUMNS

# The inputs of the selection network, in the order that the shipped weights were trained with. The first
# three groups are fixed for a document, the last two change with what is selected already.
SELECTOR_SENTENCE_COLUMNS = (
    "score",
    "score_of_best",
    "log_words",
    "words",
    "rank",
    "words_of_length",
)
SELECTOR_DENSE_COLUMNS = (
    "centroid_cosine",
    "raw_centroid_cosine",
    "opening_cosine",
    "max_similarity",
    "log_position",
    "relative_position",
    "log_position_in_paragraph",
    "log_sentences_before",
    "inverse_sentences_before",
    "starts_paragraph",
)
SELECTOR_DOCUMENT_COLUMNS = (
    "log_length",
    "best_score",
    "mean_of_best_3",
    "mean_of_best_8",
    "log_document_sentences",
    "mean_score",
)
SELECTOR_OVERLAP_COLUMNS = (
    "shared_words",
    "shared_rare_words",
    "shared_pairs",
    "shared_with_one",
    "distance",
    "follows",
    "precedes",
    "value_gain",
    "new_words_gain",
    "score_of_usual",
    "words_of_length_after",
)
SELECTOR_STATE_COLUMNS = (
    "state_words",
    "state_sentences",
    "state_words_of_length",
    "state_value",
    "state_is_empty",
    "state_mean_score",
)
SELECTOR_COLUMNS = (
    *SELECTOR_SENTENCE_COLUMNS,
    *(f"dense_{name}" for name in SELECTOR_DENSE_COLUMNS),
    *SELECTOR_DOCUMENT_COLUMNS,
    *SELECTOR_OVERLAP_COLUMNS,
    *SELECTOR_STATE_COLUMNS,
)
SELECTOR_WIDTH = 64
GAIN_SCALE = 0.1  # of the selection network's output: gains are of this size

HEADING_BUCKETS = 4096
REFERENCE_SENTENCES = 200  # from the beginning, that every sentence is compared with

SENTENCE_LAYERS = 2
POSITION_BUCKETS = 24
RELATIVE_BUCKETS = 20
LENGTH_BUCKETS = 16
GRAM_BUCKETS = 65536
GRAM_WIDTH = 24
HEADING_WIDTH = 16
SCORER_WIDTH = 96
DEFAULT_LOG_LENGTH = 4.2  # logarithm of a summary's words, from which the estimate starts
