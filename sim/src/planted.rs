//! Defects that are planted on purpose, one at a time, to see that the checkers find them. They sit in the seams of a
//! simulated world, where the code that they damage would be; nothing of them is in the program's own crates.

/// A planted defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Planted {
    /// Repeated deliveries are not recognised.
    SkipDedupe,
    /// A webhook is answered before its messages are durable.
    AcknowledgeEarly,
    /// The database lets everybody write.
    DropFence,
    /// Replies leave whatever the provider's window says.
    IgnoreWindow,
    /// Answers are remembered by the question alone, for all tenants together.
    ShareCache,
    /// A request without an answer counts as never sent.
    RepeatUncertain,
    /// A tool that may have been started is started again.
    RestartTools,
    /// The last entry of a batch is not moved, but the cursor is.
    SkipLastEntry,
    /// What is unfinished is not found after a crash.
    ForgetUnfinished,
    /// Signatures are not looked at.
    AcceptUnsigned,
    /// Claiming a reply leaves it where others find it.
    ClaimLightly,
    /// What was spent is forgotten with the process.
    ForgetSpending,
    /// A failed delivery is written down as sent.
    CallFailedSent,
    /// Two messages of a batch change places.
    SwapEntries,
    /// Passages are seen as soon as they are written.
    ShowStaged,
    /// What was read while its document was deleted stays.
    KeepOrphans,
    /// Searches look into all knowledge bases of all tenants.
    MixBases,
    /// After a crash the last word of what waits is missing.
    CutReloaded,
    /// Replies cite a passage beside the one that they rest on.
    CiteBeside,
    /// Agents are read as if nobody had to be asked.
    AskNobody,
    /// Agents are read as if their journeys needed nothing.
    SkipSteps,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::SkipDedupe,
        Self::AcknowledgeEarly,
        Self::DropFence,
        Self::IgnoreWindow,
        Self::ShareCache,
        Self::RepeatUncertain,
        Self::RestartTools,
        Self::SkipLastEntry,
        Self::ForgetUnfinished,
        Self::AcceptUnsigned,
        Self::ClaimLightly,
        Self::ForgetSpending,
        Self::CallFailedSent,
        Self::SwapEntries,
        Self::ShowStaged,
        Self::KeepOrphans,
        Self::MixBases,
        Self::CutReloaded,
        Self::CiteBeside,
        Self::AskNobody,
        Self::SkipSteps,
    ];
}
