// denwaban: a box for a Raspberry Pi 4 or 5 with two lamps and three buttons. Millimetres. Never printed yet.
// Parts to print: openscad -D 'part="base"' -o base.stl box.scad; openscad -D 'part="lid"' -o lid.stl box.scad
// The dimensioned drawing box.svg is made from the numbers of this file (python3 -m hardware.drawings.make).
part = "both";           // base, lid or both

wall = 2.4;              // walls, floor and lid
inner_length = 118;      // left to right
inner_depth = 106;       // front to back
inner_height = 42;       // floor to lid: room below the buttons
corner = 4;              // outer corner radius
post = 7;                // corner posts for the screws of the lid
screw_hole = 2.5;        // M3 self-tapping screws, 10 mm
lid_hole = 3.4;

board_length = 85;       // Raspberry Pi 4 and 5
board_depth = 56;
board_left = 8;          // board edge from the inner left wall: the USB sockets look to the left
board_back = 1;          // board edge from the inner back wall: the USB-C socket looks to the back
standoff = 5;            // height of the posts below the board
board_hole = 2.2;        // M2.5 self-tapping screws, 6 mm
board_thickness = 1.5;

usb_width = 55;          // opening for USB and Ethernet, one for both models
usb_height = 19;
power_width = 62;        // opening for USB-C and HDMI
power_height = 11;

button_hole = 24;        // snap-in push buttons of 24 mm
button_pitch = 37;       // also of the lamps
button_front = 24;       // centres from the inner front wall
lamp_hole = 8.2;         // LEDs of 8 mm
lamp_front = 62;

clearance = 0.3;         // between lid lip and walls
lip = 3;

$fn = 48;
outer_length = inner_length + 2 * wall;
outer_depth = inner_depth + 2 * wall;
board_x = board_left;
board_y = inner_depth - board_back - board_depth;
board_top = wall + standoff + board_thickness;

module plate(length, depth, height) {
    linear_extrude(height)
        offset(corner) offset(-corner) square([length, depth]);
}

// Seen with the sockets to the left and the 40-pin header to the front.
module board_holes() {
    for (x = [23.5, 81.5], y = [3.5, 52.5])
        translate([wall + board_x + x, wall + board_y + y]) children();
}

module corners() {
    for (x = [post / 2, inner_length - post / 2], y = [post / 2, inner_depth - post / 2])
        translate([wall + x, wall + y]) children();
}

module slots(count, length) {
    for (index = [0 : count - 1]) translate([0, index * 6, 0]) cube([length, 2.4, 4 * wall]);
}

module base() {
    difference() {
        union() {
            difference() {
                plate(outer_length, outer_depth, wall + inner_height);
                translate([wall, wall, wall]) cube([inner_length, inner_depth, inner_height + 1]);
            }
            board_holes() cylinder(d = 6, h = wall + standoff);
            corners() translate([-post / 2, -post / 2, 0]) cube([post, post, wall + inner_height - wall - 0.2]);
        }
        board_holes() translate([0, 0, wall]) cylinder(d = board_hole, h = standoff + 1);
        corners() translate([0, 0, wall + inner_height - 14]) cylinder(d = screw_hole, h = 15);
        // left: USB and Ethernet
        translate([-1, wall + board_y + (board_depth - usb_width) / 2, board_top - 1])
            cube([wall + 2, usb_width, usb_height]);
        // back: power and displays
        translate([wall + board_x + board_length - power_width - 4, outer_depth - wall - 1, board_top - 3])
            cube([power_width, wall + 2, power_height]);
        // air: below the board and in the right wall
        translate([wall + board_x + 30, wall + board_y + 8, -wall]) slots(7, 40);
        translate([outer_length - 2 * wall, wall + 30, wall + 24]) rotate([0, 0, 0])
            for (index = [0 : 7]) translate([0, index * 6, 0]) cube([4 * wall, 2.4, 12]);
    }
}

module lid() {
    difference() {
        union() {
            plate(outer_length, outer_depth, wall);
            // the lip, cut out at the posts
            translate([0, 0, -lip]) difference() {
                translate([wall + clearance, wall + clearance, 0])
                    cube([inner_length - 2 * clearance, inner_depth - 2 * clearance, lip]);
                translate([2 * wall, 2 * wall, -1])
                    cube([inner_length - 2 * wall, inner_depth - 2 * wall, lip + 2]);
                corners() translate([-post / 2 - 1, -post / 2 - 1, -1]) cube([post + 2, post + 2, lip + 1]);
            }
        }
        corners() translate([0, 0, -lip - 1]) cylinder(d = lid_hole, h = lip + wall + 2);
        for (index = [-1 : 1])
            translate([outer_length / 2 + index * button_pitch, wall + button_front, -1])
                cylinder(d = button_hole, h = wall + 2);
        for (index = [-0.5, 0.5])
            translate([outer_length / 2 + index * button_pitch, wall + lamp_front, -1])
                cylinder(d = lamp_hole, h = wall + 2);
    }
}

if (part == "base" || part == "both") base();
if (part == "lid") translate([0, outer_depth, wall]) rotate([180, 0, 0]) lid();
if (part == "both") translate([0, 0, wall + inner_height + 25]) lid();
