//! Drawings with the same in words for those who do not see them. Long courses stay in Grafana.

use super::node::{Element, element};

const WIDTH: usize = 120;
const HEIGHT: f64 = 24.0;
/// A line is not drawn on the edge, which would cut half of it off.
const MARGIN: f64 = 2.0;

/// Values at equal distances in time, the oldest first. Where nothing was measured the line has a gap.
pub(crate) fn sparkline(course: &[Option<f64>], words: &str) -> Element {
    let highest = course.iter().flatten().fold(0.0, |a: f64, b| a.max(*b));
    let step = WIDTH as f64 / course.len().max(1) as f64;
    let point = |index: usize, value: f64| {
        let share = if highest > 0.0 { value / highest } else { 0.0 };
        let y = HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN);
        format!("{:.0},{y:.1}", index as f64 * step)
    };
    let mut lines: Vec<Vec<String>> = vec![Vec::new()];
    for (index, value) in course.iter().enumerate() {
        match (value, lines.last_mut()) {
            (Some(value), Some(line)) => {
                line.push(point(index, *value));
                // A value between two gaps is a short line, because a point of a line is invisible.
                let is_last = course
                    .get(index.saturating_add(1))
                    .is_none_or(Option::is_none);
                if is_last && line.len() == 1 {
                    line.push(point(index.saturating_add(1), *value));
                }
            }
            (None, Some(line)) if !line.is_empty() => lines.push(Vec::new()),
            (_, _) => {}
        }
    }
    let lines = lines.into_iter().filter(|line| !line.is_empty());
    drawing("sparkline", WIDTH, words)
        .children(lines.map(|line| element("polyline").with("points", line.join(" "))))
}

/// How much of a whole there is; more than the whole fills it.
pub(crate) fn bar(part: f64, whole: f64, words: &str) -> Element {
    let share = if whole > 0.0 { part / whole } else { 0.0 };
    let filled = (share.clamp(0.0, 1.0) * WIDTH as f64).round();
    // Something is not drawn as nothing.
    let filled = if part > 0.0 { filled.max(1.0) } else { 0.0 };
    let rect = |class, width: f64| {
        let rect = element("rect").class(class).with("height", "24");
        rect.with("width", format!("{width:.0}"))
    };
    drawing("bar", WIDTH, words)
        .child(rect("bar-whole", WIDTH as f64))
        .child(rect("bar-part", filled))
}

fn drawing(class: &str, width: usize, words: &str) -> Element {
    element("svg")
        .class(class)
        .with("viewBox", format!("0 0 {width} {HEIGHT}"))
        .with("role", "img")
        .with("aria-label", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(course: &[Option<f64>]) -> Vec<String> {
        let html = sparkline(course, "words").to_string();
        let points = html.split("points=\"").skip(1);
        points
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_course_is_a_line_from_its_oldest_value_to_its_newest() {
        let course = [Some(0.0), Some(5.0), Some(10.0)];
        assert_eq!(lines(&course), ["0,22.0 40,12.0 80,2.0"]);
        assert_eq!(lines(&[Some(0.0), Some(0.0)]), ["0,22.0 60,22.0"]);
    }

    #[test]
    fn a_gap_is_not_bridged_and_a_single_value_is_visible() {
        let course = [Some(4.0), None, None, Some(4.0), Some(2.0), None];
        assert_eq!(lines(&course), ["0,2.0 20,2.0", "60,2.0 80,12.0"]);
        assert!(lines(&[None, None]).is_empty());
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn a_drawing_says_the_same_in_words() {
        for drawing in [sparkline(&[Some(1.0)], "now 1"), bar(1.0, 4.0, "now 1")] {
            let html = drawing.to_string();
            assert!(html.contains("role=\"img\" aria-label=\"now 1\""), "{html}");
        }
    }

    #[test]
    fn a_bar_is_never_longer_than_its_whole() {
        for (part, whole, filled) in [
            (0.0, 10.0, "0"),
            (5.0, 10.0, "60"),
            (0.001, 10.0, "1"),
            (30.0, 10.0, "120"),
            (3.0, 0.0, "1"),
        ] {
            let html = bar(part, whole, "").to_string();
            let width = format!("class=\"bar-part\" height=\"24\" width=\"{filled}\"");
            assert!(html.contains(&width), "{part} of {whole}: {html}");
        }
    }
}
