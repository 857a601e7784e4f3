//! The words of a verdict, and how the rules' and the routes' verdicts combine.

use std::fmt;

/// Implements how a verdict is spelled in answers.
macro_rules! spelled {
    ($type:ty { $($variant:ident => $text:literal),* $(,)? }) => {
        impl $type {
            /// As it is spelled in answers.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// What security admin rules and the network security group do with the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecurityGroupVerdict {
    /// They let all of it through.
    Allowed,
    /// They drop all of it.
    Denied,
    /// They drop some of it.
    Partial,
    /// Nobody can tell.
    Unknown,
}

spelled!(SecurityGroupVerdict { Allowed => "allowed", Denied => "denied", Partial => "partial", Unknown => "unknown" });

/// Where routes send the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteVerdict {
    /// Straight out, or through a service endpoint.
    Direct,
    /// Through a virtual appliance, which decides.
    Appliance,
    /// Through a gateway, behind which somebody decides.
    Gateway,
    /// Nowhere.
    Blocked,
    /// Different ways for different addresses.
    Mixed,
    /// Nobody can tell.
    Unknown,
}

spelled!(RouteVerdict { Direct => "direct", Appliance => "appliance", Gateway => "gateway", Blocked => "blocked",
    Mixed => "mixed", Unknown => "unknown" });

/// Whether agents reach a service, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// They do.
    Reachable,
    /// An appliance or another network decides.
    Depends,
    /// Nobody can tell.
    Unknown,
    /// They reach some of its addresses and surely not all.
    Partial,
    /// They do not.
    Blocked,
}

spelled!(Verdict { Reachable => "reachable", Depends => "depends", Unknown => "unknown", Partial => "partial",
    Blocked => "blocked" });

/// How much a verdict matters, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Summary {
    /// Reachable.
    Pass,
    /// It depends; or it fails, and pools run without it.
    Warn,
    /// Nobody can tell.
    Unknown,
    /// Blocked, or partly so.
    Fail,
}

spelled!(Summary { Pass => "pass", Warn => "warn", Unknown => "unknown", Fail => "fail" });

impl From<Verdict> for Summary {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Reachable => Self::Pass,
            Verdict::Depends => Self::Warn,
            Verdict::Unknown => Self::Unknown,
            Verdict::Partial | Verdict::Blocked => Self::Fail,
        }
    }
}

/// What the overall verdict was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decisive {
    /// The security rules.
    Rules,
    /// The routes.
    Routes,
    /// Service endpoint policies on storage.
    EndpointPolicy,
    /// The private subnet without visible egress.
    Egress,
}

/// What combines, beside the two verdicts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Circumstances {
    /// Some traffic is surely routed nowhere.
    pub drops_some: bool,
    /// An appliance that nobody vouches for, or a gateway, carries some.
    pub depends: bool,
    /// Some leaves the subnet itself although nothing there gives egress.
    pub lacks_egress: bool,
    /// Service endpoint policies may keep this service's accounts out.
    pub policy: bool,
}

/// Combines both verdicts, worst cause first.
pub(super) fn combine(rules: SecurityGroupVerdict, routes: RouteVerdict, it: Circumstances) -> (Verdict, Decisive) {
    use SecurityGroupVerdict as Rules;
    match (rules, routes) {
        (Rules::Denied, _) => (Verdict::Blocked, Decisive::Rules),
        (_, RouteVerdict::Blocked) => (Verdict::Blocked, Decisive::Routes),
        (Rules::Unknown, _) => (Verdict::Unknown, Decisive::Rules),
        (_, RouteVerdict::Unknown) => (Verdict::Unknown, Decisive::Routes),
        _ if it.policy => (Verdict::Unknown, Decisive::EndpointPolicy),
        (Rules::Partial, _) => (Verdict::Partial, Decisive::Rules),
        (_, RouteVerdict::Mixed) if it.drops_some => (Verdict::Partial, Decisive::Routes),
        _ if it.depends => (Verdict::Depends, Decisive::Routes),
        _ if it.lacks_egress => (Verdict::Unknown, Decisive::Egress),
        (Rules::Allowed, _) => (Verdict::Reachable, Decisive::Rules),
    }
}
