//! Words that say nothing about what a text is about. Sorted by bytes: they are searched by halving.

#[rustfmt::skip]
pub(super) const ENGLISH: &[&str] = &[
    "a", "about", "above", "after", "again", "against", "all", "also", "am", "an", "and", "any", "are", "aren't",
    "as", "at", "be", "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "can't",
    "could", "did", "didn't", "do", "does", "doesn't", "doing", "don't", "down", "during", "each", "few", "for",
    "from", "further", "had", "has", "have", "haven't", "having", "he", "her", "here", "hers", "herself", "him",
    "himself", "his", "how", "i", "i'm", "if", "in", "into", "is", "isn't", "it", "it's", "its", "itself", "just",
    "me", "more", "most", "my", "myself", "no", "nor", "not", "now", "of", "off", "on", "once", "only", "or", "other",
    "our", "ours", "ourselves", "out", "over", "own", "please", "same", "she", "should", "so", "some", "such", "than",
    "that", "that's", "the", "their", "theirs", "them", "themselves", "then", "there", "these", "they", "this",
    "those", "through", "to", "too", "under", "until", "up", "us", "very", "was", "wasn't", "we", "were", "what",
    "what's", "when", "where", "which", "while", "who", "whom", "whose", "why", "will", "with", "would", "you",
    "your", "yours", "yourself", "yourselves",
];

#[rustfmt::skip]
pub(super) const FRENCH: &[&str] = &[
    "a", "afin", "ai", "aie", "ainsi", "ait", "alors", "après", "as", "au", "aucun", "aucune", "auquel", "aussi",
    "autre", "autres", "aux", "auxquelles", "auxquels", "avais", "avait", "avant", "avec", "avez", "avoir", "avons",
    "ayant", "bien", "c", "ce", "ceci", "cela", "celle", "celles", "celui", "ces", "cet", "cette", "ceux", "chaque",
    "chez", "ci", "comme", "comment", "d", "dans", "de", "depuis", "des", "donc", "dont", "du", "duquel", "dès",
    "elle", "elles", "en", "encore", "entre", "es", "est", "et", "eu", "eux", "faire", "fait", "faut", "furent",
    "fut", "il", "ils", "j", "je", "jusque", "l", "la", "laquelle", "le", "les", "lesquelles", "lesquels", "leur",
    "leurs", "lors", "lorsque", "lui", "là", "m", "ma", "mais", "me", "mes", "mon", "même", "mêmes", "n", "ne", "ni",
    "non", "nos", "notre", "nous", "on", "ont", "ou", "oui", "où", "par", "parce", "pas", "pendant", "peu", "peut",
    "peuvent", "plus", "plusieurs", "pour", "pourquoi", "pouvez", "puis", "qu", "quand", "que", "quel", "quelle",
    "quelles", "quelque", "quelques", "quels", "qui", "quoi", "s", "sa", "sans", "se", "sera", "serait", "ses", "si",
    "soi", "soit", "sommes", "son", "sont", "sous", "sur", "t", "ta", "tandis", "te", "tes", "toi", "ton", "tous",
    "tout", "toute", "toutes", "très", "tu", "un", "une", "vers", "voici", "voilà", "vos", "votre", "vous", "y", "à",
    "étaient", "était", "étant", "être",
];
