//! Fault points: the boundaries of a program at which tests kill or stop it. Only builds with the
//! feature `fault-points`, which is off by default, contain them; without it, a point is no code.

#[cfg(all(feature = "fault-points", not(debug_assertions)))]
compile_error!("fault points are for tests: a release build must not contain them");

/// Names a boundary, such as `fault_point!("after_commit")`.
#[cfg(not(feature = "fault-points"))]
#[macro_export]
macro_rules! fault_point {
    ($point:literal) => {};
}

/// Names a boundary, such as `fault_point!("after_commit")`.
#[cfg(feature = "fault-points")]
#[macro_export]
macro_rules! fault_point {
    ($point:literal) => {
        $crate::fault::pass(concat!("fault point ", $point))
    };
}

#[cfg(feature = "fault-points")]
pub use self::points::pass;

#[cfg(feature = "fault-points")]
mod points {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use signal_hook::consts::{SIGKILL, SIGSTOP};
    use signal_hook::low_level::raise;

    use crate::environment::Environment;

    /// `POINT:PASS:HOW`, such as `after_commit:3:kill`. `PASS` counts from one, over all threads. `HOW` is
    /// `kill`, or `stop` until somebody sends SIGCONT.
    const VARIABLE: &str = "PAYNOW_FAULT_POINT";

    struct Fault {
        point: String,
        pass: u32,
        signal: i32,
    }

    /// Kills or stops the process if its environment says so for this pass of this point.
    #[expect(
        clippy::expect_used,
        reason = "a test that names a wrong fault must fail"
    )]
    pub fn pass(point: &'static str) {
        static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
        static PASSES: AtomicU32 = AtomicU32::new(0);
        let fault = FAULT.get_or_init(|| {
            let environment = Environment::of_this_process();
            let text = environment.text(VARIABLE)?;
            Some(parse(text).expect("PAYNOW_FAULT_POINT is POINT:PASS:HOW"))
        });
        let Some(fault) = fault.as_ref().filter(|fault| fault.point == point) else {
            return;
        };
        if PASSES.fetch_add(1, Ordering::SeqCst).saturating_add(1) == fault.pass {
            // A signal to itself is delivered before the call returns, so nothing after the point happens.
            raise(fault.signal).expect("a process may signal itself");
        }
    }

    fn parse(text: &str) -> Option<Fault> {
        let (point, rest) = text.split_once(':')?;
        let (pass, how) = rest.split_once(':')?;
        let signal = match how {
            "kill" => SIGKILL,
            "stop" => SIGSTOP,
            _unknown => return None,
        };
        Some(Fault {
            point: format!("fault point {point}"),
            pass: pass.parse().ok()?,
            signal,
        })
    }
}
