use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_000_000);
const LONGEST: Duration = Duration::from_secs(600);
const IDLE: Duration = Duration::from_secs(180);

fn new(provider: AvatarProvider) -> Video {
    Video::new(provider, LONGEST, IDLE, NOW)
}

fn put(video: &Video, input: Input, now: Timestamp) -> (Video, Option<Effect>) {
    let decision = decide(video, input, now);
    (decision.events.iter().fold(video.clone(), evolve), decision.effect)
}

fn live(provider: AvatarProvider) -> Video {
    let (video, effect) = put(&new(provider), Input::Reserved(Ok("x".into())), NOW);
    assert_eq!((effect, video.status), (Some(Effect::Start), VideoStatus::Creating));
    put(&video, Input::Started(Ok(None)), NOW).0
}

fn unknown() -> Answer {
    Answer::Unknown { code: "x.no_answer".into() }
}

// req: S0-VID-1
#[test]
fn a_session_ends_by_itself_when_nobody_writes_and_when_it_has_lasted_long_enough() {
    let video = live(AvatarProvider::HeyGen);
    assert_eq!((video.status, video.due_at), (VideoStatus::Live, NOW + IDLE));
    assert_eq!(put(&video, Input::Take, NOW), (video.clone(), None), "nobody is late");
    let (idle, effect) = put(&video, Input::Take, NOW + IDLE);
    assert_eq!((idle.status, idle.reason, effect), (VideoStatus::Ending, Some(EndReason::Idle), Some(Effect::Stop)));
    let mut used = video;
    for seconds in [170, 340, 510] {
        used = put(&used, Input::Used, NOW + Duration::from_secs(seconds)).0;
    }
    assert_eq!(used.due_at, NOW + LONGEST, "however much is said");
    let (expired, _) = put(&used, Input::Take, NOW + LONGEST);
    assert_eq!(expired.reason, Some(EndReason::Expired));
    let ended = put(&expired, Input::Stopped(Answer::Happened), NOW + LONGEST).0;
    assert_eq!((ended.status, ended.ended_at), (VideoStatus::Ended, Some(NOW + LONGEST)));
}

// req: S0-VID-2
#[test]
fn what_starts_after_it_was_ended_is_stopped_again() {
    let named = put(&new(AvatarProvider::LiveAvatar), Input::Reserved(Ok("x".into())), NOW).0;
    let (ending, effect) = put(&named, Input::End(EndReason::Asked), NOW);
    assert_eq!(effect, Some(Effect::Stop));
    assert_eq!(put(&ending, Input::Started(Ok(None)), NOW).1, Some(Effect::Stop));
    let ended = put(&ending, Input::Stopped(Answer::Absent), NOW).0;
    for late in [Ok(None), Err(unknown())] {
        let (again, effect) = put(&ended, Input::Started(late), NOW);
        assert_eq!(
            (again.status, again.reason, effect),
            (VideoStatus::Ending, Some(EndReason::Asked), Some(Effect::Stop))
        );
    }
    let refused = Answer::Refused { code: "x.refused".into() };
    assert_eq!(put(&ended, Input::Started(Err(refused)), NOW), (ended.clone(), None), "nothing runs");
}

#[test]
fn the_provider_may_allow_less_and_never_more() {
    let reserved = put(&new(AvatarProvider::LiveAvatar), Input::Reserved(Ok("x".into())), NOW).0;
    let until = |seconds| {
        let longest = Some(Duration::from_secs(seconds));
        put(&reserved, Input::Started(Ok(longest)), NOW).0.expires_at
    };
    assert_eq!((until(60), until(6_000)), (NOW + Duration::from_secs(60), NOW + LONGEST));
}

// req: S0-VID-2
#[test]
fn ending_twice_is_ending_once_and_what_is_over_stays_over() {
    let (ending, effect) = put(&live(AvatarProvider::HeyGen), Input::End(EndReason::Asked), NOW);
    assert_eq!((ending.status, effect), (VideoStatus::Ending, Some(Effect::Stop)));
    assert_eq!(put(&ending, Input::End(EndReason::Idle), NOW), (ending.clone(), None));
    let ended = put(&ending, Input::Stopped(Answer::Absent), NOW).0;
    for input in [Input::End(EndReason::Asked), Input::Take, Input::Used, Input::Gone, Input::Stopped(unknown())] {
        assert_eq!(put(&ended, input, NOW + LONGEST), (ended.clone(), None));
    }
}

// req: S0-VID-1
#[test]
fn what_was_cut_short_is_stopped_if_it_has_a_name_and_is_uncertain_if_it_may_have_one() {
    let cut = |provider| put(&new(provider), Input::Take, NOW + OPENING).0;
    assert_eq!(cut(AvatarProvider::HeyGen).status, VideoStatus::Uncertain);
    assert_eq!(cut(AvatarProvider::LiveAvatar).status, VideoStatus::Failed, "a token opens nothing");
    let lost = put(&new(AvatarProvider::HeyGen), Input::Reserved(Err(unknown())), NOW).0;
    assert_eq!((lost.status, lost.code.as_deref()), (VideoStatus::Uncertain, Some("x.no_answer")));
    let refused = Answer::Refused { code: "heygen.unauthorized".into() };
    let refused = put(&new(AvatarProvider::HeyGen), Input::Reserved(Err(refused)), NOW).0;
    assert_eq!((refused.status, refused.code.as_deref()), (VideoStatus::Failed, Some("heygen.unauthorized")));

    let named = put(&new(AvatarProvider::HeyGen), Input::Reserved(Ok("x".into())), NOW).0;
    let (closing, effect) = put(&named, Input::Take, NOW + OPENING);
    assert_eq!((closing.status, effect), (VideoStatus::Ending, Some(Effect::Stop)));
    let failed = put(&closing, Input::Stopped(Answer::Happened), NOW).0;
    assert_eq!((failed.status, failed.code.as_deref()), (VideoStatus::Failed, Some(CUT_SHORT)));
    // Its first call was answered after all.
    let (late, effect) = put(&cut(AvatarProvider::HeyGen), Input::Reserved(Ok("x".into())), NOW);
    assert_eq!((late.status, effect), (VideoStatus::Ending, Some(Effect::Stop)));
}

#[test]
fn what_the_provider_does_not_have_ends_once_it_had_the_time_to_list_it() {
    let video = live(AvatarProvider::HeyGen);
    assert_eq!(put(&video, Input::Gone, NOW), (video.clone(), None));
    let (gone, effect) = put(&video, Input::Gone, NOW + SETTLING);
    assert_eq!((gone.reason, effect), (Some(EndReason::Gone), Some(Effect::Stop)));
}

#[test]
fn a_provider_that_cannot_be_told_is_told_again_and_then_a_person_is() {
    let mut video = put(&live(AvatarProvider::HeyGen), Input::End(EndReason::Asked), NOW).0;
    let mut now = NOW;
    for _ in 1..MOST_TRIES {
        video = put(&video, Input::Stopped(unknown()), now).0;
        assert_eq!(video.status, VideoStatus::Ending);
        assert!(video.due_at > now && video.due_at <= now + LONGEST_WAIT);
        now = video.due_at;
        assert_eq!(put(&video, Input::Take, now).1, Some(Effect::Stop));
    }
    let video = put(&video, Input::Stopped(unknown()), now).0;
    assert_eq!((video.status, video.code.as_deref()), (VideoStatus::Uncertain, Some("x.no_answer")));
}

/// What becomes of one call at the provider: whether it was carried out, and what is heard of it.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Good,
    Refused,
    Lost(bool),
    /// The node dies after the call, which was carried out or not.
    Dies(bool),
}

#[derive(Debug, Clone)]
enum Move {
    Open(Fate, Fate),
    End,
    Use,
    Gone,
    Look(Fate),
    Wait(u16),
}

fn fate() -> impl Strategy<Value = Fate> {
    let either = any::<bool>();
    prop_oneof![Just(Fate::Good), Just(Fate::Refused), either.prop_map(Fate::Lost), either.prop_map(Fate::Dies)]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        (fate(), fate()).prop_map(|(a, b)| Move::Open(a, b)),
        Just(Move::End),
        Just(Move::Use),
        Just(Move::Gone),
        fate().prop_map(Move::Look),
        any::<u16>().prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 0..30)
}

/// A session and its provider, which counts whether it still runs.
struct World {
    video: Video,
    runs: bool,
    /// Whoever opens it tries once.
    opened: bool,
    now: Timestamp,
}

impl World {
    /// What is heard of a call that would end in `done`; none if nobody is left to hear it.
    fn call(&mut self, fate: Fate, done: bool) -> Option<Result<(), Answer>> {
        if matches!(fate, Fate::Good | Fate::Lost(true) | Fate::Dies(true)) {
            self.runs = done;
        }
        match fate {
            Fate::Good => Some(Ok(())),
            Fate::Refused => Some(Err(Answer::Refused { code: "x.refused".into() })),
            Fate::Lost(_) => Some(Err(unknown())),
            Fate::Dies(_) => None,
        }
    }

    fn put(&mut self, input: Input) -> Option<Effect> {
        let (video, effect) = put(&self.video, input, self.now);
        self.video = video;
        effect
    }

    fn stop(&mut self, effect: Option<Effect>, fate: Fate) {
        if effect == Some(Effect::Stop)
            && let Some(heard) = self.call(fate, false)
        {
            self.put(Input::Stopped(heard.map_or_else(|e| e, |()| Answer::Happened)));
        }
    }

    fn open(&mut self, first: Fate, second: Fate) {
        if std::mem::replace(&mut self.opened, true) || self.video.status.is_over() {
            return;
        }
        let opens = self.video.provider.opens_at_once();
        let Some(heard) = self.call(first, opens) else { return };
        let effect = self.put(Input::Reserved(heard.map(|()| "x".to_owned())));
        if effect == Some(Effect::Start)
            && let Some(heard) = self.call(second, true)
        {
            let effect = self.put(Input::Started(heard.map(|()| None)));
            self.stop(effect, Fate::Good);
        }
        self.stop(effect, Fate::Good);
    }

    fn step(&mut self, step: Move) {
        match step {
            Move::Open(first, second) => self.open(first, second),
            Move::End => {
                let effect = self.put(Input::End(EndReason::Asked));
                self.stop(effect, Fate::Lost(false));
            }
            Move::Use => {
                self.put(Input::Used);
            }
            Move::Gone if self.video.status == VideoStatus::Live => {
                self.runs = false;
                let effect = self.put(Input::Gone);
                self.stop(effect, Fate::Good);
            }
            Move::Gone => {}
            Move::Look(fate) if self.video.due_at <= self.now => {
                let effect = self.put(Input::Take);
                self.stop(effect, fate);
            }
            Move::Look(_) => {}
            Move::Wait(millis) => self.now = self.now + Duration::from_millis(u64::from(millis) * 10),
        }
    }
}

proptest! {
    // req: S0-VID-1, S0-VID-2
    #[test]
    fn whatever_breaks_no_session_is_forgotten_while_its_provider_counts(heygen: bool, moves in moves()) {
        let provider = if heygen { AvatarProvider::HeyGen } else { AvatarProvider::LiveAvatar };
        let mut world = World { video: new(provider), runs: false, opened: false, now: NOW };
        for step in moves {
            let before = world.video.clone();
            world.step(step);
            prop_assert!(!before.status.is_over() || world.video == before, "over is over");
            prop_assert!(world.video.external.is_some() || world.video.status != VideoStatus::Live);
        }
        // From now on nothing breaks: whoever looks finds everything that is due.
        for _ in 0..4 {
            world.now = world.now.max(world.video.due_at);
            world.step(Move::Look(Fate::Good));
        }
        prop_assert!(world.video.status.is_over(), "{:?}", world.video);
        prop_assert!(!world.runs || world.video.status == VideoStatus::Uncertain, "{:?}", world.video);
        prop_assert!(world.video.ended_at.is_some());
    }
}
