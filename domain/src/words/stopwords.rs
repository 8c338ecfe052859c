//! Words that carry no meaning in a question, without accents.

use std::{collections::HashSet, sync::LazyLock};

const ENGLISH: &str = "a an the this that these those it its they them their theirs he him his she her hers i me my mine \
    you your yours we us our ours who whom whose which what when where why how is are was were be been being am do does \
    did doing done have has had having can could should would will shall may might must of in on at to from for with by \
    about into onto over under than then so if but and or not no nor as also just only very too there here any some \
    each every all both either neither much many more most such own same other another please tell know want need \
    like get got give show explain say let does dont doesnt didnt isnt arent cant im ive id youre whats hello hi hey \
    thanks thank yes ok okay up out off while during between because until again once per exactly really currently \
    question called kind type sort";

const FRENCH: &str = "le la les un une des du de au aux ce cet cette ces ca cela ceci il elle ils elles on je tu nous vous \
    me te se lui leur leurs moi toi soi eux mon ma mes ton ta tes son sa ses notre nos votre vos qui que quoi dont ou \
    quand comment pourquoi combien quel quelle quels quelles lequel laquelle lesquels lesquelles est sont etait etaient \
    sera seront serait etre ete suis es sommes etes ai as avons avez ont avait avaient avoir eu aura auront fait faire \
    font fais peut peux peuvent pouvez pouvons pouvoir doit dois doivent devez devoir et mais donc or ni car ne pas plus \
    non oui si en y dans sur sous avec sans pour par vers chez entre contre depuis pendant avant apres jusque tres trop \
    aussi bien tout tous toute toutes meme autre autres chaque quelque quelques plusieurs tel telle comme alors ainsi \
    est-ce quest cest jai dis dites dire svp plait merci bonjour bonsoir salut veux veut voulez voudrais souhaite savoir \
    connaitre donner donnez moi quelqu quelle aller vais allez va vont qu est lors afin selon appelle";

static ALL: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| ENGLISH.split_ascii_whitespace().chain(FRENCH.split_ascii_whitespace()).collect());

pub(super) fn is_stopword(folded: &str) -> bool {
    ALL.contains(folded)
}
